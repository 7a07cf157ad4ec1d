namespace Holdfast.Mail;

/// <summary>Joins the stages in order: Receive → Spool → Route → Deliver.</summary>
public sealed class MailFlow
{
}
