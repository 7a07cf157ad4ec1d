using Holdfast.Operator;
using Holdfast.Traffic;
using Holdfast.Traffic.Health;

namespace Holdfast.Tests.Operator;

public class StatusBoardTests
{
    [Theory]
    [InlineData((int)VerdictState.Closed, 0)]
    [InlineData((int)VerdictState.Recovering, 0.4)]
    [InlineData((int)VerdictState.Healthy, 0.4)]
    public void A_closed_site_has_no_share(int state, double share) => Assert.Equal(share, StatusBoard.ShareOf(
        new SiteSnapshot("mail", "mail-na", "na", true, new Verdict((VerdictState)state, default, ""), null, 0, 0, 0.4,
            [])));
}
