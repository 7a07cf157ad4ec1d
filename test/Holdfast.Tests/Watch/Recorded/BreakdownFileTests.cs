using System.Globalization;
using System.Text;
using CsCheck;
using Holdfast.Watch.Localise;
using Holdfast.Watch.Recorded;

namespace Holdfast.Tests.Watch.Recorded;

public class BreakdownFileTests
{
    private static readonly string[] s_pieces =
        ["requests", "failures", "expected failures", "a", ",", "\n", "\"", "1", "2.5", "1e999", "-1", "x"];

    [Fact]
    public void Every_other_column_is_a_dimension()
    {
        var cube = Read("Region,Failures,Version,Expected_Failures,REQUESTS\r\nna,3,1.2,0.5,100\r\neu,1,1.2,0.5,90\r\n");
        Assert.Equal(["Region", "Version"], cube.Dimensions);
        Assert.Equal(["na", "eu"], cube.Values[0]);
        Assert.Equal([0, 0], cube.Codes[1]);
        Assert.Equal([100, 90], cube.Requests);
        Assert.Equal([3, 1], cube.Failures);
        Assert.Equal([0.5, 0.5], cube.Expected!);
    }

    [Theory]
    [InlineData("", "is empty", 0)]
    [InlineData("a,requests\n", "no column failures", 1)]
    [InlineData("a,failures\n", "neither requests nor expected", 1)]
    [InlineData("requests,failures\n", "no dimension", 1)]
    [InlineData("a,requests,total,failures\n", "two columns for the same", 1)]
    [InlineData("a,requests,failures\n", "no row", 2)]
    [InlineData("a,requests,failures\nx,1\n", "has 2 columns, the header 3", 2)]
    [InlineData("a,requests,failures\nx,1,1\nx,many,1\n", "many is no count", 3)]
    [InlineData("a,requests,failures\nx,1,-1\n", "-1 is no count", 2)]
    [InlineData("a,requests,failures\nx,1.1e12,1\n", "is no count", 2)]
    public void A_fault_is_told_with_its_line(string text, string problem, long line)
    {
        Assert.Null(BreakdownFile.Read(new StringReader(text), out var fault));
        Assert.Contains(problem, fault!.Problem, StringComparison.Ordinal);
        Assert.Equal(line, fault.Line);
    }

    [Theory]
    [InlineData("a,requests,failures\nx,1e12,0\n")]
    [InlineData("a,failures,expected\nx,1,1\n")]
    public void What_is_just_within_the_bounds_is_read(string text) => Read(text);

    [Fact]
    public void Twelve_dimensions_are_read_and_thirteen_are_a_fault()
    {
        string Text(int n) => $"failures,requests{string.Concat(Enumerable.Range(0, n).Select(i => $",d{i}"))}\n"
            + $"1,1{string.Concat(Enumerable.Repeat(",x", n))}\n";
        Assert.Equal(12, Read(Text(12)).Dimensions.Count);
        Assert.Null(BreakdownFile.Read(new StringReader(Text(13)), out var fault));
        Assert.Contains("more than 12 dimensions", fault!.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_dimension_has_a_hundred_thousand_values_at_most()
    {
        var text = new StringBuilder("a,requests,failures\n");
        for (var i = 0; i < BreakdownFile.ValuesMax; i++)
            text.Append(CultureInfo.InvariantCulture, $"{i},1,0\n");
        Assert.Equal(BreakdownFile.ValuesMax, Read(text.ToString()).Leaves);
        Assert.Null(BreakdownFile.Read(new StringReader(text.Append("more,1,0\n").ToString()), out var fault));
        Assert.Contains("one value more", fault!.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Arbitrary_characters_never_throw_and_what_is_read_is_explained() =>
        Gen.Int[0, s_pieces.Length - 1].Array[0, 60].Select(p => string.Concat(p.Select(i => s_pieces[i]))).Sample(text =>
        {
            var cube = BreakdownFile.Read(new StringReader(text), out var fault);
            Assert.True(cube is null != fault is null);
            if (cube is not null)
                new Localiser(cube, new()).Explain();
        });

    private static FailureCube Read(string text)
    {
        var cube = BreakdownFile.Read(new StringReader(text), out var fault);
        Assert.True(cube is not null, fault?.ToString());
        return cube!;
    }
}
