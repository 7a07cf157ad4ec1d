using System.Net;
using CsCheck;
using Holdfast.Traffic.Balance;
using Holdfast.Web.Select;

namespace Holdfast.Tests.Web.Select;

public class RequestClassTests
{
    [Theory]
    [InlineData("GET", WebOperation.ByMethod, false, OperationClass.Read)]
    [InlineData("HEAD", WebOperation.ByMethod, false, OperationClass.Read)]
    [InlineData("POST", WebOperation.ByMethod, false, OperationClass.Write)]
    [InlineData("get", WebOperation.ByMethod, false, OperationClass.Write)]
    [InlineData("BREW", WebOperation.ByMethod, false, OperationClass.Write)]
    [InlineData("POST", WebOperation.Read, false, OperationClass.Read)]
    [InlineData("GET", WebOperation.Write, false, OperationClass.Write)]
    [InlineData("GET", WebOperation.ByMethod, true, OperationClass.Stream)]
    [InlineData("GET", WebOperation.Read, true, OperationClass.Stream)]
    public void The_operation_comes_from_route_and_method(string method, WebOperation route, bool isStream, OperationClass operation) =>
        Assert.Equal(operation, RequestClass.OperationOf(method, route, isStream));

    [Theory]
    [InlineData("0", 0)]
    [InlineData("5", 5)]
    [InlineData("6", 3)]
    [InlineData("-1", 3)]
    [InlineData("00", 3)]
    [InlineData("", 3)]
    [InlineData(null, 3)]
    public void Only_one_digit_up_to_five_is_a_priority(string? header, byte priority) =>
        Assert.Equal(priority, RequestClass.PriorityFrom(header, 3));

    [Fact]
    public void A_user_is_in_one_cohort_for_an_hour_and_in_another_the_next()
    {
        Assert.Equal(RequestClass.CohortOf("ann", 7), RequestClass.CohortOf("ann", 7));
        Assert.NotEqual(RequestClass.CohortOf("ann", 7) % 128, RequestClass.CohortOf("ann", 8) % 128);
        Assert.Equal(RequestClass.CohortOf(IPAddress.Parse("2001:db8::1"), 7), RequestClass.CohortOf(IPAddress.Parse("2001:db8::2"), 7));
        Assert.NotEqual(RequestClass.CohortOf(IPAddress.Parse("192.0.2.1"), 7), RequestClass.CohortOf(IPAddress.Parse("192.0.2.2"), 7));
    }

    [Fact]
    public void Users_spread_over_the_cohorts_evenly()
    {
        var counts = new int[128];
        for (var i = 0; i < 128_000; i++)
            counts[RequestClass.CohortOf(new IPAddress([10, 0, (byte)(i >> 8), (byte)i]), i >> 16) % 128]++;
        // Six standard deviations of a binomial of mean 1 000.
        Assert.All(counts, c => Assert.InRange(c, 810, 1190));
    }

    [Fact]
    public void Any_user_name_has_a_cohort() => Gen.String.Sample(s => RequestClass.CohortOf(s, 1) == RequestClass.CohortOf(s, 1));

    [Theory]
    [InlineData("250", 0.25)]
    [InlineData("1500m", 1.5)]
    [InlineData("5S", 5)]
    [InlineData("1M", 30)]
    [InlineData("0", 0)]
    [InlineData("99999999", 30)]
    [InlineData("99999999H", 30)]
    [InlineData("999999999", 30)]
    [InlineData("5s", 30)]
    [InlineData("-1", 30)]
    [InlineData("1.5", 30)]
    [InlineData("S", 30)]
    [InlineData("", 30)]
    [InlineData(null, 30)]
    public void A_client_shortens_the_deadline_and_never_lengthens_it(string? header, double seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), RequestClass.DeadlineFrom(header, TimeSpan.FromSeconds(30)));
}
