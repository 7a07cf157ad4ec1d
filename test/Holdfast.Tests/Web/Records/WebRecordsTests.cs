using System.Text;
using Holdfast.Traffic;
using Holdfast.Traffic.Targets;
using Holdfast.Web;
using Holdfast.Web.Records;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;

namespace Holdfast.Tests.Web.Records;

public sealed class WebRecordsTests : IAccessRecords
{
    private readonly RecordOptions _options = new();
    private readonly FakeTimeProvider _time = new();
    private readonly List<AccessRecord> _kept = [];
    private readonly WebRecords _records;

    public WebRecordsTests()
    {
        var board = new TrafficBoard(Topology.FromOptions(new TopologyOptions()), new TrafficOptions(), new Random(1));
        _records = new WebRecords(this, new Fixed(_options), board, _time);
    }

    void IAccessRecords.Append(AccessRecord record) => _kept.Add(record);

    private static DefaultHttpContext Context(Stream? answer = null)
    {
        var context = new DefaultHttpContext();
        context.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(answer ?? new MemoryStream()));
        context.Request.Method = "GET";
        context.Request.Path = "/secret";
        context.Request.QueryString = new QueryString("?token=1");
        return context;
    }

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(0.01, 9, 11)]
    [InlineData(0.5, 499, 501)]
    [InlineData(1, 1000, 1000)]
    public void A_share_of_requests_is_drawn(double share, int least, int most)
    {
        _options.Share = share;
        Assert.InRange(Enumerable.Range(0, 1000).Count(_ => _records.Draw(Context()) is not null), least, most);
    }

    [Fact]
    public async Task Bytes_of_both_bodies_are_counted_and_passed_on_as_they_are()
    {
        _options.Share = 1;
        using var answer = new MemoryStream();
        var context = Context(answer);
        context.Request.Body = new MemoryStream("question"u8.ToArray());
        var bytes = _records.Draw(context)!;
        using var reader = new StreamReader(context.Request.Body);
        Assert.Equal("question", await reader.ReadToEndAsync(TestContext.Current.CancellationToken));
        await context.Response.Body.WriteAsync("the answer"u8.ToArray(), TestContext.Current.CancellationToken);
        Assert.Equal((8, 10), (bytes.In, bytes.Out));
        Assert.Equal("the answer", Encoding.ASCII.GetString(answer.ToArray()));
    }

    [Fact]
    public void What_was_drawn_is_written_down_without_its_query()
    {
        _options.Share = 1;
        var context = Context();
        var bytes = _records.Draw(context);
        var startedAt = _time.GetTimestamp();
        _time.Advance(TimeSpan.FromMilliseconds(7));
        _records.Ended(context, WebPicture.Empty, new(WebRecords.NoRoute), startedAt, bytes);
        var record = Assert.Single(_kept);
        Assert.Equal(("/secret", WebRecords.NoRoute, 7d), (record.Path, record.Outcome, record.Took.TotalMilliseconds));
        _options.WithQuery = true;
        _records.Ended(context, WebPicture.Empty, new(WebRecords.NoRoute), startedAt, bytes);
        Assert.Equal("/secret?token=1", _kept[1].Path);
    }

    [Fact]
    public void What_was_not_drawn_and_never_reached_a_target_is_not()
    {
        _records.Ended(Context(), WebPicture.Empty, new("shed"), 0, null);
        Assert.Empty(_kept);
    }

    private sealed class Fixed(RecordOptions options) : IOptionsMonitor<RecordOptions>
    {
        public RecordOptions CurrentValue => options;
        public RecordOptions Get(string? name) => options;
        public IDisposable? OnChange(Action<RecordOptions, string?> listener) => null;
    }
}
