using CsCheck;
using Holdfast.Web.Records;
using Microsoft.AspNetCore.Http;

namespace Holdfast.Tests.Web.Records;

public sealed class TraceIdsTests
{
    private readonly IHeaderDictionary _headers = new HeaderDictionary();

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("00-0-0-00")]
    [InlineData("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01")]
    public void A_request_without_a_trace_that_can_be_read_gets_one_and_loses_what_belonged_to_the_other(string? came)
    {
        _headers.TraceParent = came;
        _headers.TraceState = "vendor=1";
        new TraceIds(new Random(1)).Mark(_headers, isRecorded: false);
        Assert.NotNull(TraceParent.TraceIdOf(_headers.TraceParent));
        Assert.EndsWith("-00", _headers.TraceParent, StringComparison.Ordinal);
        Assert.Equal(0, _headers.TraceState.Count);
    }

    [Fact]
    public void Two_fields_are_none()
    {
        _headers.TraceParent = new(["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]);
        new TraceIds(new Random(1)).Mark(_headers, isRecorded: true);
        Assert.EndsWith("-01", Assert.Single(_headers.TraceParent), StringComparison.Ordinal);
    }

    [Fact]
    public void A_trace_that_came_goes_on_as_it_is()
    {
        const string came = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        _headers.TraceParent = came;
        _headers.TraceState = "vendor=1";
        new TraceIds(new Random(1)).Mark(_headers, isRecorded: false);
        Assert.Equal((came, "vendor=1"), (_headers.TraceParent.ToString(), _headers.TraceState.ToString()));
    }

    [Fact]
    public void Ids_of_any_seed_can_be_read_and_none_comes_twice() => Gen.Int.Sample(seed =>
    {
        var ids = new TraceIds(new Random(seed));
        var made = Enumerable.Range(0, 50).Select(i => TraceParent.TraceIdOf(ids.Make(i % 2 == 0))).ToHashSet();
        Assert.Equal(50, made.Count);
        Assert.DoesNotContain(null, made);
    }, iter: 200);
}
