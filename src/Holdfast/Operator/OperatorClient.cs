using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Holdfast.Commands;

namespace Holdfast.Operator;

/// <summary>The commands' side of the Unix socket.</summary>
internal sealed class OperatorClient : IDisposable
{
    private readonly string _path;
    private readonly HttpClient _http;

    public OperatorClient(string path)
    {
        _path = path;
        _http = new HttpClient(new SocketsHttpHandler
        {
            UseProxy = false, ConnectCallback = async (_, abort) => await ConnectAsync(abort),
        })
        {
            BaseAddress = new Uri("http://localhost/"),
            // An act on a million messages takes its time; the person has Ctrl+C.
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    public async Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken abort)
    {
        using var response = await SendAsync(new HttpRequestMessage(HttpMethod.Get, path), abort);
        return await ReadAsync(response, type, abort);
    }

    public async Task<T> PostAsync<T>(string path, HttpContent? body, JsonTypeInfo<T> type, CancellationToken abort)
    {
        using var response = await SendAsync(new HttpRequestMessage(HttpMethod.Post, path) { Content = body }, abort);
        return await ReadAsync(response, type, abort);
    }

    public async Task DownloadAsync(string path, Stream destination, CancellationToken abort)
    {
        using var response = await SendAsync(new HttpRequestMessage(HttpMethod.Get, path), abort);
        await response.Content.CopyToAsync(destination, abort);
    }

    public void Dispose() => _http.Dispose();

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken abort)
    {
        HttpResponseMessage response;
        try
        {
            response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, abort);
        }
        catch (HttpRequestException e) when (e.InnerException is CommandException inner)
        {
            throw inner;
        }
        catch (HttpRequestException e)
        {
            throw new CommandException($"the connection to the server broke: {e.Message}", ExitCode.ServerNotReachable);
        }
        if (response.IsSuccessStatusCode)
            return response;
        using (response)
        {
            var detail = await ReadProblemAsync(response, abort);
            throw new CommandException(detail, ExitCodeOf(response.StatusCode));
        }
    }

    internal static int ExitCodeOf(HttpStatusCode status) => status switch
    {
        HttpStatusCode.NotFound => ExitCode.NothingMatched,
        HttpStatusCode.BadRequest => ExitCode.Usage,
        HttpStatusCode.ServiceUnavailable => ExitCode.NotReady,
        _ => ExitCode.Failed,
    };

    private static async Task<string> ReadProblemAsync(HttpResponseMessage response, CancellationToken abort)
    {
        var body = await response.Content.ReadAsStringAsync(abort);
        try
        {
            if (JsonSerializer.Deserialize(body, ProblemJson.Default.Problem) is { Detail.Length: > 0 } problem)
                return problem.Detail;
        }
        catch (JsonException)
        {
            // Not from our endpoints; the status must do.
        }
        return $"the server answered {(int)response.StatusCode} {response.ReasonPhrase}";
    }

    private static async Task<T> ReadAsync<T>(HttpResponseMessage response, JsonTypeInfo<T> type,
        CancellationToken abort)
    {
        try
        {
            await using var body = await response.Content.ReadAsStreamAsync(abort);
            return await JsonSerializer.DeserializeAsync(body, type, abort)
                ?? throw new CommandException("the server answered nothing", ExitCode.Failed);
        }
        catch (JsonException e)
        {
            throw new CommandException("the server's answer isn't understood (another version?): " + e.Message,
                ExitCode.Failed);
        }
    }

    private async ValueTask<Stream> ConnectAsync(CancellationToken abort)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(_path), abort);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            socket.Dispose();
            throw new CommandException(Explain(e), ExitCode.ServerNotReachable);
        }
    }

    private string Explain(Exception e) => (e as SocketException)?.SocketErrorCode switch
    {
        SocketError.AccessDenied => $"not allowed to open {_path}: run as the user that holdfast runs as, or as root",
        SocketError.ConnectionRefused =>
            $"no server behind {_path} (left over from a crash?); start it with: holdfast run",
        _ when !File.Exists(_path) => $"no server found: {_path} doesn't exist. Is it running? "
            + "Where is its data? Give --socket PATH, --data DIR or --config FILE",
        _ => $"can't reach the server at {_path}: {e.Message}",
    };
}
