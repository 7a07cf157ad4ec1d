using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Abstractions;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Holdfast.Web.Accept;

/// <summary>Where Kestrel hands requests over. No pipeline of middleware: every request takes the same few steps.
/// </summary>
internal sealed class RequestEntry(Func<HttpContext, Task> serve) : IHttpApplication<HttpContext>
{
    public HttpContext CreateContext(IFeatureCollection contextFeatures)
    {
        // A connection's context is used again for its next request, as the host's own application does.
        if (contextFeatures is IHostContextContainer<HttpContext> container)
        {
            if (container.HostContext is DefaultHttpContext used)
            {
                used.Initialize(contextFeatures);
                return used;
            }
            var made = new DefaultHttpContext(contextFeatures);
            container.HostContext = made;
            return made;
        }
        return new DefaultHttpContext(contextFeatures);
    }

    public Task ProcessRequestAsync(HttpContext context) => serve(context);

    public void DisposeContext(HttpContext context, Exception? exception) =>
        ((DefaultHttpContext)context).Uninitialize();
}
