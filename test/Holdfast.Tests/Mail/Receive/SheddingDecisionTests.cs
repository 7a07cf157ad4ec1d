using Holdfast.Mail.Receive;
using Holdfast.Mail.Spool;
using Holdfast.Traffic.Shed;

namespace Holdfast.Tests.Mail.Receive;

/// <summary>Why mail is shed by the spool's bounds: docs/decisions/0014.</summary>
public class SheddingDecisionTests
{
    [Fact]
    public void The_engines_queue_would_refuse_important_mail_soon_after_every_site_went_dark()
    {
        var queue = new ShedCutOff();
        var refusedAt = -1;
        for (var tick = 0; tick < 100 && refusedAt < 0; tick++)
        {
            for (var i = 0; i < 15; i++)
            {
                if (!queue.Admit(1, (uint)(tick * 15 + i)))
                    refusedAt = tick;
            }
            queue.Tick(0.1, 0);
        }
        Assert.InRange(refusedAt, 0, 50);
    }

    [Theory]
    [InlineData((int)SpoolPressure.None, 6)]
    [InlineData((int)SpoolPressure.Elevated, 4)]
    [InlineData((int)SpoolPressure.High, 1)]
    [InlineData((int)SpoolPressure.OutOfSpace, 0)]
    [InlineData((int)SpoolPressure.Failed, 0)]
    public void Each_pressure_takes_the_priorities_up_to_its_own_and_no_others(int pressure, int taken)
    {
        for (byte priority = 0; priority < 6; priority++)
            Assert.Equal(priority < taken, Holdfast.Mail.Receive.Admission.Check((SpoolPressure)pressure, priority) == ShedReason.None);
    }
}
