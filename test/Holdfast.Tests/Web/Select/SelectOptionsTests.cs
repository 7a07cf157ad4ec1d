using Holdfast.Web.Select;

namespace Holdfast.Tests.Web.Select;

public sealed class SelectOptionsTests
{
    private static string[] Faults(Action<SelectOptions> change)
    {
        var options = new SelectOptions { Routes = [new() { Service = "web" }] };
        change(options);
        return [.. new SelectOptionsValidator().Validate(null, options).Failures ?? []];
    }

    [Fact]
    public void A_cookie_has_a_name_that_needs_no_care()
    {
        Assert.Empty(Faults(o => o.Routes[0].AffinityCookie = "__Host-sid.1"));
        foreach (var name in new[] { "s id", "sid;", "s=d", "séd", "sid\n" })
            Assert.StartsWith("Routes:0:AffinityCookie", Assert.Single(Faults(o => o.Routes[0].AffinityCookie = name)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_cookie_is_bound_to_a_path_that_stands_in_a_field_as_it_is()
    {
        Assert.Empty(Faults(o => (o.Routes[0].Path, o.Routes[0].AffinityCookie) = ("/app", "sid")));
        Assert.NotEmpty(Faults(o => (o.Routes[0].Path, o.Routes[0].AffinityCookie) = ("/a;b", "sid")));
        Assert.NotEmpty(Faults(o => (o.Routes[0].Path, o.Routes[0].AffinityCookie) = ("/ä", "sid")));
        Assert.Empty(Faults(o => o.Routes[0].Path = "/ä"));
    }

    [Fact]
    public void Names_of_fields_are_tokens()
    {
        Assert.Empty(Faults(o => o.UserHeader = "X-User"));
        foreach (var name in new[] { "X User", "X:", "ü" })
        {
            Assert.StartsWith("UserHeader", Assert.Single(Faults(o => o.UserHeader = name)), StringComparison.Ordinal);
            Assert.StartsWith("DeadlineHeader", Assert.Single(Faults(o => o.DeadlineHeader = name)), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Classes_need_a_header_and_names_that_a_list_can_hold()
    {
        WebClassOptions[] classes = [new() { Name = "staff" }, new() { Name = "guest" }];
        Assert.Empty(Faults(o => (o.ClassHeader, o.Classes) = ("X-Groups", classes)));
        Assert.StartsWith("ClassHeader", Assert.Single(Faults(o => o.Classes = classes)), StringComparison.Ordinal);
        Assert.StartsWith("Classes:1:Name", Assert.Single(Faults(o => (o.ClassHeader, o.Classes) =
            ("X-Groups", [classes[0], new() { Name = "STAFF" }]))), StringComparison.Ordinal);
        Assert.NotEmpty(Faults(o => (o.ClassHeader, o.Classes) = ("X-Groups", [new() { Name = "a,b" }])));
        Assert.NotEmpty(Faults(o => (o.ClassHeader, o.Classes) = ("X-Groups", [new() { Name = "a", Priority = 6 }])));
    }
}
