using Holdfast.Bench.Web;

namespace Holdfast.Tests.Bench;

public class LoadOutputTests
{
    private const string Wrk = """
        Running 1s test @ http://127.0.0.1:19001/
          1 threads and 8 connections
          Thread Stats   Avg      Stdev     Max   +/- Stdev
            Latency   663.68us    3.35ms  33.20ms   97.08%
            Req/Sec    57.96k    11.24k   75.34k    60.00%
          Latency Distribution
             50%   83.00us
             75%   94.00us
             90%  205.00us
             99%   22.28ms
          57917 requests in 1.00s, 8.28MB read
        Requests/sec:  57635.28
        Transfer/sec:      8.24MB
        """;

    private const string H2 = """
        finished in 2.00s, 74566.00 req/s, 4.91MB/s
        requests: 74566 total, 74566 started, 74566 done, 74566 succeeded, 1 failed, 2 errored, 3 timeout
        """;

    [Fact]
    public void Wrk_says_its_rate_and_percentiles_in_any_unit()
    {
        Assert.Equal(new PlainMeasure(57635.28, 0.083, 22.28, 0, 57917), WrkOutput.Parse(Wrk));
        Assert.Equal(1050, WrkOutput.Parse(Wrk.Replace("22.28ms", "1.05s", StringComparison.Ordinal)).P99);
    }

    [Fact]
    public void What_failed_is_counted()
    {
        var text = Wrk + "\n  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 50\n";
        Assert.Equal(60, WrkOutput.Parse(text).Failed);
        Assert.Equal(7, H2LoadOutput.Parse(H2, ["1\t503\t9"]).Failed);
    }

    [Fact]
    public void H2loads_percentiles_come_from_its_log()
    {
        var log = Enumerable.Range(1, 101).Reverse().Select(i => FormattableString.Invariant($"1795476850170681\t200\t{i * 1000}"));
        Assert.Equal(new PlainMeasure(74566, 51, 100, 6, 101), H2LoadOutput.Parse(H2, log));
    }

    [Fact]
    public void Refusals_are_no_throughput()
    {
        var half = new PlainMeasure(1000, 0.1, 0.2, 500, 1000);
        Assert.Equal(500, half.GoodPerSecond);
        Assert.False(half.IsServing);
        Assert.Equal(0, (half with { Failed = 1001 }).GoodPerSecond);
        Assert.True((half with { Failed = 10 }).IsServing);
        Assert.False((half with { Failed = 11 }).IsServing);
    }

    [Theory]
    [InlineData("")]
    [InlineData("unable to connect to 127.0.0.1:1 Connection refused")]
    public void Other_words_are_no_measure(string text)
    {
        Assert.Throws<FormatException>(() => WrkOutput.Parse(text));
        Assert.Throws<FormatException>(() => H2LoadOutput.Parse(text, []));
    }
}
