using System.ComponentModel.DataAnnotations;
using System.Reflection;
using Holdfast.Mail.Deliver;

namespace Holdfast.Tests.Mail.Deliver;

/// <summary>Each rule of delivery's options, on both of its sides.</summary>
public class DeliverOptionsValidatorTests
{
    private static string[] Faults(DeliverOptions options) =>
        [.. new DeliverOptionsValidator().Validate(null, options).Failures ?? []];

    private static string[] Faults(Action<DeliverOptions> set)
    {
        var options = new DeliverOptions();
        set(options);
        return Faults(options);
    }

    public static TheoryData<string> Ranged() => new(typeof(DeliverOptions).GetProperties()
        .Where(p => p.GetCustomAttribute<RangeAttribute>() is not null).Select(p => p.Name));

    [Fact]
    public void The_defaults_hold() => Assert.Empty(Faults(new DeliverOptions()));

    [Fact]
    public void Every_bare_number_and_duration_has_a_range() =>
        Assert.All(typeof(DeliverOptions).GetProperties().Where(p => p.PropertyType != typeof(string)),
            p => Assert.NotNull(p.GetCustomAttribute<RangeAttribute>()));

    [Theory]
    [MemberData(nameof(Ranged))]
    public void A_range_takes_its_ends_and_nothing_beyond(string name)
    {
        var property = typeof(DeliverOptions).GetProperty(name)!;
        var range = property.GetCustomAttribute<RangeAttribute>()!;
        // The attribute reads its bounds at its first use.
        range.IsValid(property.GetValue(new DeliverOptions()));
        var (least, most) = property.PropertyType == typeof(TimeSpan)
            ? (TimeSpan.Parse($"{range.Minimum}", null).Ticks, TimeSpan.Parse($"{range.Maximum}", null).Ticks)
            : ((int)range.Minimum, (int)range.Maximum);

        bool IsRefused(long value)
        {
            var options = new DeliverOptions();
            property.SetValue(options, property.PropertyType == typeof(TimeSpan) ? new TimeSpan(value) : (int)value);
            return Faults(options).Any(f => f.Contains($"field {name} ", StringComparison.Ordinal));
        }

        Assert.True(IsRefused(least - 1), "below");
        Assert.False(IsRefused(least), "lower end");
        Assert.False(IsRefused(most), "upper end");
        Assert.True(IsRefused(most + 1), "above");
    }

    [Fact]
    public void The_longest_time_is_no_shorter_than_the_usual_one()
    {
        Assert.Empty(Faults(o => o.RetryForMax = o.RetryFor));
        Assert.Contains("RetryForMax", Assert.Single(Faults(o => o.RetryForMax = o.RetryFor - TimeSpan.FromTicks(1))),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_delay_notice_comes_before_the_end()
    {
        Assert.Empty(Faults(o => o.DelayNoticeAfter = o.RetryForMax - TimeSpan.FromTicks(1)));
        Assert.Contains("DelayNoticeAfter", Assert.Single(Faults(o => o.DelayNoticeAfter = o.RetryForMax)),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("mx.example.com", true)]
    [InlineData("[192.0.2.1]", true)]
    [InlineData("mx example", false)]
    [InlineData("mx\r\nRSET", false)]
    [InlineData("m\u00e4il.example", false)]
    public void The_name_in_EHLO_is_printable_ASCII(string name, bool holds) =>
        Assert.Equal(holds, Faults(o => o.HelloName = name).Length == 0);

    [Fact]
    public void The_name_in_EHLO_has_at_most_255_characters()
    {
        Assert.Empty(Faults(o => o.HelloName = new string('x', 255)));
        Assert.Single(Faults(o => o.HelloName = new string('x', 256)));
    }
}
