import LogQL
import Testing

struct PrinterTests {
    @Test(arguments: [
        ("{ app = \"web\" , env!=\"x\" }", "{app=\"web\", env!=\"x\"}"),
        ("{app=\"web\"}|=\"x\"or\"y\"!=\"z\"", "{app=\"web\"} |= \"x\" or \"y\" != \"z\""),
        ("{a=\"b\"} | json x, y=\"z[0]\" | status = 500", "{a=\"b\"} | json x=\"x\",y=\"z[0]\" | status==500"),
        ("{a=\"b\"} | x=1 or y=2, z=3", "{a=\"b\"} | ( x==1 or ( y==2 , z==3 ) )"),
        ("{a=\"b\"} | size>5KB and took<90s", "{a=\"b\"} | ( size>5.0kB , took<1m30s )"),
        ("sum(rate({a=\"b\"}|json[90s]offset 1h))by(x,y)", "sum by (x,y)(rate({a=\"b\"} | json[1m30s] offset 1h0m0s))"),
        (
            "quantile_over_time(.99,{a=\"b\"}|unwrap duration(x)|y=1[7d])by(z)",
            "quantile_over_time(0.99,{a=\"b\"} | unwrap duration(x) | y==1[1w]) by (z)"
        ),
        ("vector(1.50) > bool 2", "(vector(1.500000) > bool 2)"), ("1+2*3", "7"), ("{a=`x\"`}", "{a=\"x\\\"\"}"),
        ("count_over_time({a=\"b\"}[30d])", "count_over_time({a=\"b\"}[30d])"),
        (
            "topk(5,vector(1))/on(a)group_left vector(2)",
            "(topk(5,vector(1.000000)) / on (a) group_left () vector(2.000000))"
        ),
        (
            "label_replace(vector(1),\"a\",\"$1\",\"b\",\"(.*)\")",
            "label_replace(vector(1.000000),\"a\",\"$1\",\"b\",\"(.*)\")"
        ),
        (
            "variants(count_over_time({a=\"b\"}[1m])) of ({a=\"b\"}[1m])",
            "variants(count_over_time({a=\"b\"}[1m])) of ({a=\"b\"}[1m])"
        ),
    ])
    func oneLine(query: String, printed: String) throws {
        #expect(try language.parse(query).description == printed)
    }

    @Test func longQueriesBreak() throws {
        let query = """
            sum by (host)(rate({app="web", env="production"} |= "some text to look for" | json \
            | status>=500 [5m] offset 1h)) / sum(rate({app="web", env="production"}[5m]))
            """
        let printed = """
            (
              sum by (host)(
                rate(
                  {app="web", env="production"}
                    |= "some text to look for"
                    | json
                    | status>=500 [5m] offset 1h0m0s
                )
              )
            /
              sum(rate({app="web", env="production"}[5m]))
            )
            """
        #expect(try language.parse(query).formatted == printed)
    }

    @Test func shortQueriesStayOnOneLine() throws {
        let query = try language.parse("sum(rate({a=\"b\"}[1m]))")
        #expect(query.formatted == query.description)
    }

    @Test(arguments: 0..<40)
    func treesReadBackAsThemselves(seed: Int) throws {
        var queries = RandomQueries(seed: seed)
        for _ in 0..<50 {
            let tree = queries.expression()
            #expect(try language.parse(tree.description) == tree, "\(tree)")
            #expect(try language.parse(tree.formatted) == tree, "\(tree)")
        }
    }
}
