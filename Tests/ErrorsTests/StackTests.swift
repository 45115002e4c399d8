import Testing

@testable import Errors

struct StackTests {
    private let python = """
        Traceback (most recent call last):
          File "/srv/shop/orders.py", line 10, in load
            return table[key]
        KeyError: 'order 17'

        During handling of the above exception, another exception occurred:

        Traceback (most recent call last):
          File "/usr/lib/python3.11/site-packages/fastapi/routing.py", line 212, in app
            raw = await run()
          File "/srv/shop/orders.py", line 20, in show
            raise OrderError("no order 17") from None
        shop.errors.OrderError: no order 17
        second line
        """

    @Test func pythonWithItsCause() {
        let found = StackParser.parse(python)
        #expect(found.map(\.type) == ["KeyError", "shop.errors.OrderError"])
        #expect(found.map(\.value) == ["'order 17'", "no order 17\nsecond line"])
        let frames = found[1].frames
        #expect(frames.map(\.function) == ["app", "show"])
        #expect(frames.map(\.isInApp) == [false, true])
        #expect(frames[1].line == 20)
        #expect(frames[1].source == #"raise OrderError("no order 17") from None"#)
    }

    @Test func pythonInOneLine() {
        let line = python.replacing("\n", with: "\\n")
        #expect(StackParser.parse(line) == StackParser.parse(python))
    }

    /// loguru marks the call that caught the exception, shows values, and leaves a blank line before what was raised.
    @Test func pythonAsLoguruWritesIt() throws {
        let text = """
            2026-11-25 19:23:46.477 | ERROR    | shop.pay:charge:18 - while paying
            Traceback (most recent call last):

              File "/srv/shop/main.py", line 3, in <module>
                run()
                └ <function run at 0x7fb6edc8cd60>

            > File "/srv/shop/pay.py", line 16, in charge
                try: fail(i)
                     │    └ 0
                     └ <function fail at 0x7fb6edc8cd60>

              File "/srv/shop/pay.py", line 11, in fail
                raise ValueError(f"order {n} failed")

            ValueError: order 0 failed
            """
        for text in [text, text.replacing("\n", with: "\\n")] {
            let found = try #require(StackParser.parse(text).first)
            #expect(found.type == "ValueError")
            #expect(found.value == "order 0 failed")
            #expect(found.frames.map(\.function) == ["<module>", "charge", "fail"])
            #expect(found.frames.map(\.line) == [3, 16, 11])
            #expect(found.frames[1].source == "try: fail(i)")
        }
    }

    @Test func javaWithItsCause() {
        let found = StackParser.parse(
            """
            Exception in thread "main" java.lang.IllegalStateException: cannot pay order 17
            \tat com.shop.pay.Payments.charge(Payments.java:57)
            \tat java.base/java.lang.Thread.run(Thread.java:840)
            \tSuppressed: java.io.IOException: close
            \t\tat com.shop.pay.Log.close(Log.java:3)
            Caused by: com.shop.db.DeadlockException: order 17
            \tat com.shop.db.Pool.get(Pool.java:96)
            \t... 2 more
            """)
        #expect(found.map(\.type) == ["com.shop.db.DeadlockException", "java.lang.IllegalStateException"])
        #expect(found[1].value == "cannot pay order 17")
        #expect(found[1].frames.map(\.function) == ["run", "charge"])
        #expect(found[1].frames.map(\.isInApp) == [false, true])
        #expect(found[1].frames.last?.module == "com.shop.pay.Payments")
        #expect(found[0].frames.map(\.line) == [96])
    }

    @Test func kotlinAsTheLoadGeneratorWritesIt() {
        let found = StackParser.parse(
            "NullPointerException\n    at com.shop.core.dispatch.flushBatch(core.dispatch.kt:234)\n"
                + "    at com.shop.json.codec.retry(json.codec.kt:96)")
        #expect(found.map(\.type) == ["NullPointerException"])
        #expect(found[0].frames.map(\.function) == ["retry", "flushBatch"])
    }

    @Test func javaScript() {
        let found = StackParser.parse(
            """
            TypeError: Cannot read properties of undefined (reading 'id')
                at showOrder (/srv/shop/orders.js:10:15)
                at async handle (/srv/shop/node_modules/express/lib/router.js:4:5)
                at /srv/shop/index.js:1:2
                at node:internal/process/task_queues:95:5
            """)
        #expect(found.map(\.type) == ["TypeError"])
        #expect(found[0].value == "Cannot read properties of undefined (reading 'id')")
        #expect(found[0].frames.map(\.function) == ["<anonymous>", "<anonymous>", "handle", "showOrder"])
        #expect(found[0].frames.map(\.isInApp) == [false, true, false, true])
        #expect(found[0].frames.last?.line == 10)
    }

    @Test func go() {
        let found = StackParser.parse(
            """
            panic: runtime error: index out of range [17] with length 3

            goroutine 1 [running]:
            main.(*Shop).order(0xc000012345, 0x11)
            \t/srv/shop/main.go:12 +0x1d
            runtime.main()
            \t/usr/local/go/src/runtime/proc.go:250 +0x207

            goroutine 18 [select]:
            main.other()
            \t/srv/shop/other.go:1 +0x1
            """)
        #expect(found.map(\.type) == ["panic"])
        #expect(found[0].value == "runtime error: index out of range [17] with length 3")
        #expect(found[0].frames.map(\.function) == ["main", "(*Shop).order"])
        #expect(found[0].frames.map(\.isInApp) == [false, true])
        #expect(found[0].frames.last?.line == 12)
    }

    @Test func swift() {
        let found = StackParser.parse(
            """
            Shop/main.swift:3: Fatal error: Index out of range
            0 0x00005581 closure #1 in order(_:) + 8 in shop at /srv/shop/Sources/main.swift:3:5
            1 [ra] 0x00007f12 main + 12 in shop at /srv/shop/Sources/main.swift:9:1
            """)
        #expect(found.map(\.type) == ["Fatal error"])
        #expect(found[0].value == "Index out of range")
        #expect(found[0].frames.map(\.function) == ["main", "closure #1 in order(_:)"])
        #expect(found[0].frames.map(\.line) == [9, 3])
    }

    @Test(arguments: [
        "", "at ", "at (", "Caused by:", "goroutine [", "Traceback (most recent call last):", "\\n", "Fatal error: ",
        "Exception in thread \"", "  File \"", "at a.b.c(", "[cause]: ", ":::", "at :1:2",
    ])
    func oddTextsDoNoHarm(_ text: String) {
        _ = StackParser.parse(text)
        _ = StackParser.parse(text + "\n" + text + "\n    at x (y:1:2)")
    }

    @Test func everyCutIsParsed() {
        for end in 0...python.count { _ = StackParser.parse(String(python.prefix(end))) }
    }
}
