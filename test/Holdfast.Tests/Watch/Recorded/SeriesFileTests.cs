using System.Globalization;
using System.Text;
using CsCheck;
using Holdfast.Watch.Recorded;

namespace Holdfast.Tests.Watch.Recorded;

public class SeriesFileTests
{
    private static readonly string[] s_pieces =
        ["time", "count", ",", "\n", "\r", "\"", "1", "2026-01-22", "1e999", "-", ";", "\t"];

    [Fact]
    public void Header_names_may_stand_in_any_case_and_order_with_others_between()
    {
        var file = Read("\uFEFFRegion,Extra,COUNT,Time\r\nna,x,3,2026-01-22T17:45:00Z\r\nna,x,4.5,2026-01-22T17:50:00Z\r\n");
        Assert.Equal(["Extra"], file.Ignored);
        var series = Assert.Single(file.Series);
        Assert.Equal(("", "na"), (series.Service, series.Region));
        Assert.Equal(TimeSpan.FromMinutes(5), file.Bin);
        Assert.Equal([3, 4.5], file.Bins(series, false).Select(b => b.Count));
    }

    [Theory]
    [InlineData("2026-01-22T17:45:00Z")]
    [InlineData("2026-01-22 17:45:00")]
    [InlineData("2026-01-22T19:45:00+02:00")]
    [InlineData("2026-01-22T17:45")]
    [InlineData("1769103900")]
    [InlineData("1769103900.0")]
    [InlineData("1769103900000")]
    public void Times_are_ISO_8601_or_seconds_or_milliseconds(string time)
    {
        var file = Read($"time,count\n{time},1\n2026-01-22T17:46:00Z,1\n");
        Assert.Equal(new DateTimeOffset(2026, 1, 22, 17, 45, 0, TimeSpan.Zero),
            file.Bins(file.Series[0], false).First().Start);
    }

    [Fact]
    public void Rows_out_of_order_gaps_and_two_rows_a_bin_are_put_right()
    {
        var file = Read("time,count,service\n600,4,a\n0,1,a\n60,2,a\n60,3,a\n\n120,1,a\n0,9,b\n60,9,b\n");
        Assert.Equal([(0, 1), (60, 5), (120, 1), (600, 4)], Seconds(file, false));
        Assert.Equal(11, Seconds(file, true).Count);
        Assert.Equal(0, Seconds(file, true)[5].Count);
        Assert.Equal(2, file.Series.Count);
    }

    [Fact]
    public void A_longer_bin_adds_rows_up()
    {
        var file = Read("time,count\n0,1\n7,2\n61,4\n190,8\n", TimeSpan.FromMinutes(1));
        Assert.Equal([(0, 3), (60, 4), (180, 8)], Seconds(file, false));
    }

    [Fact]
    public void Quoted_fields_hold_commas_quotes_and_line_ends()
    {
        var file = Read("time,count,service\n0,1,\"a,\"\"b\"\"\nc\"\n60,1,\"a,\"\"b\"\"\nc\"\n");
        Assert.Equal("a,\"b\"\nc", Assert.Single(file.Series).Service);
    }

    [Theory]
    [InlineData("", "is empty", 0)]
    [InlineData("when,count\n", "no column time", 1)]
    [InlineData("time,number\n", "no column count", 1)]
    [InlineData("time,count,COUNT\n", "two columns for the same", 1)]
    [InlineData("time,count\n", "no row", 2)]
    [InlineData("time,count\n0,1\n60\n", "has 1 columns, the header 2", 3)]
    [InlineData("time,count\n0,1\nnoon,1\n", "noon is no time", 3)]
    [InlineData("time,count\n0,1\n60,-1\n", "-1 is no count", 3)]
    [InlineData("time,count\n0,1\n60,NaN\n", "NaN is no count", 3)]
    [InlineData("time,count\n0,1\n60,1.1e12\n", "is no count", 3)]
    [InlineData("time,count\n0,1\n\n60,\"1\n", "never ends", 4)]
    [InlineData("time,count\n0,1\n9,1\n18,1\n", "bins of 9 s", 0)]
    [InlineData("time,count\n0,1\n3601,1\n", "bins of 3601 s", 0)]
    [InlineData("time,count\n0,1\n0,1\n", "one time only", 0)]
    [InlineData("time,count\n0,1\n10,1\n20,1\n9000000000,1\n", "more than 20000000 bins", 0)]
    public void A_fault_is_told_with_its_line(string text, string problem, long line)
    {
        Assert.Null(SeriesFile.Read(new StringReader(text), null, out var fault));
        Assert.Contains(problem, fault!.Problem, StringComparison.Ordinal);
        Assert.Equal(line, fault.Line);
    }

    [Theory]
    [InlineData("time,count\n0,1\n10,1e12\n20,0\n")]
    [InlineData("time,count\n0,1\n3600,1\n")]
    [InlineData("time\tcount\n0\t1\n60\t1\n")]
    [InlineData("time;count\n0;1\n60;1\n")]
    public void What_is_just_within_the_bounds_is_read(string text) => Read(text);

    [Fact]
    public void Ten_thousand_series_are_read_and_one_more_is_a_fault()
    {
        var text = new StringBuilder("time,count,service\n0,1,s0\n");
        for (var i = 0; i < SeriesFile.SeriesMax; i++)
            text.Append(CultureInfo.InvariantCulture, $"60,1,s{i}\n");
        Assert.Equal(SeriesFile.SeriesMax, Read(text.ToString()).Series.Count);
        Assert.Null(SeriesFile.Read(new StringReader(text.Append("60,1,more\n").ToString()), null, out var fault));
        Assert.Contains("one series more", fault!.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_record_has_64_columns_and_64_Ki_characters_at_most()
    {
        var header = "time,count" + string.Concat(Enumerable.Repeat(",x", CsvScanner.FieldsMax - 2));
        var row = ",1" + new string(',', CsvScanner.FieldsMax - 2) + "\n";
        Read($"{header}\n0{row}60{row}");
        Assert.Null(SeriesFile.Read(new StringReader(header + ",x\n"), null, out var columns));
        Assert.Contains("64 columns", columns!.Problem, StringComparison.Ordinal);
        var longest = new string('a', CsvScanner.RecordCharsMax - 2);
        Read($"time,count,service\n0,1,{longest}\n9,1,x\n1,1,x\n", TimeSpan.FromSeconds(10));
        Assert.Null(SeriesFile.Read(new StringReader($"time,count,service\n0,1,{longest}a\n"), null, out var chars));
        Assert.Equal(2, chars!.Line);
        Assert.Null(SeriesFile.Read(new StringReader($"time,count,service\n0,1,\"{longest}a\"\n"), null, out _));
    }

    [Fact]
    public void Fields_that_are_written_quoted_read_back()
    {
        Gen.String[0, 30].Array[1, 8].Sample(fields =>
        {
            if (fields.Length == 1 && fields[0].Length == 0)
                return;
            var line = string.Join(',', fields.Select(f => "\"" + f.Replace("\"", "\"\"", StringComparison.Ordinal) + "\""));
            var scanner = new CsvScanner(new StringReader("a,b\n" + line + "\r\nend"));
            Assert.True(scanner.TryRead(out _));
            Assert.True(scanner.TryRead(out _));
            Assert.Equal(fields.Select(f => f.Trim()), Enumerable.Range(0, scanner.Count).Select(i => scanner[i].ToString()));
            Assert.True(scanner.TryRead(out _));
            Assert.Equal("end", scanner[0].ToString());
        });
    }

    [Fact]
    public void Arbitrary_characters_never_throw() => Gen.OneOf(Gen.String[0, 200],
        Gen.Int[0, s_pieces.Length - 1].Array[0, 60].Select(p => string.Concat(p.Select(i => s_pieces[i])))).Sample(text =>
        {
            var file = SeriesFile.Read(new StringReader(text), null, out var fault);
            Assert.True(file is null != fault is null);
        });

    private static List<(int At, double Count)> Seconds(SeriesFile file, bool areGapsZero) =>
        [.. file.Bins(file.Series[0], areGapsZero).Select(b => ((int)b.Start.ToUnixTimeSeconds(), b.Count))];

    private static SeriesFile Read(string text, TimeSpan? bin = null)
    {
        var file = SeriesFile.Read(new StringReader(text), bin, out var fault);
        Assert.True(file is not null, fault?.ToString());
        return file!;
    }
}
