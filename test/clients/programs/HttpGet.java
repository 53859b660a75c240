// Gets a URL with Java's own HTTP client, which does not read proxy variables.
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;

public class HttpGet {
  public static void main(String[] arguments) throws Exception {
    var client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();
    var request = HttpRequest.newBuilder(URI.create(arguments[0])).timeout(Duration.ofSeconds(20)).build();
    var response = client.send(request, BodyHandlers.ofString());
    if (response.statusCode() != 200) throw new IllegalStateException("status " + response.statusCode());
    System.out.println(response.statusCode());
  }
}
