// Kernels of storage, one row each: what a value or a byte costs in CPU time on this machine. Knows the modules of
// storage up to one block and the log; servers and queries are measured by compare.py.
//
//     Kernels                 generated columns, search, row rebuilding, log
//     Kernels --text FILE…    real text: what columns make of it

import Bytes
import CPlatform

@main
enum Kernels {
    static func main() throws {
        dendro_tune_allocator()
        let arguments = CommandLine.arguments.dropFirst()
        if arguments.first == "--text" {
            try RealText.run(Array(arguments.dropFirst()))
        } else {
            try ColumnKernels.run()
            try SearchKernels.run()
            try LogKernels.run()
        }
    }
}
