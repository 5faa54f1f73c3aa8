import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.concurrent.Callable;
import java.util.stream.Stream;

/**
 * What all servers of the lab share: where they live, how they say that they answer, and how they die.
 *
 * <p>Arguments: {@code DIR PORT [--die-with-stdin] [--scratch]}. A server keeps everything under DIR and writes its
 * port to {@code DIR/ready} once it has answered a real request over the network.
 */
final class Launch {
    final Path dir;
    final int port;

    Launch(String[] args) {
        dir = Path.of(args[0]).toAbsolutePath();
        port = Integer.parseInt(args[1]);
        boolean dieWithStdin = false;
        boolean scratch = false;
        for (int i = 2; i < args.length; i++) {
            switch (args[i]) {
                case "--die-with-stdin" -> dieWithStdin = true;
                case "--scratch" -> scratch = true;
                default -> throw new IllegalArgumentException("unknown flag " + args[i]);
            }
        }
        if (dieWithStdin) {
            watchStdin(scratch);
        }
    }

    /** Keeps asking {@code answers} until it is true, then leaves the mark that others wait for. */
    void markReadyWhen(Callable<Boolean> answers) {
        daemon("ready", () -> {
            while (true) {
                try {
                    if (answers.call()) {
                        Path unfinished = dir.resolve("ready.tmp");
                        Files.writeString(unfinished, port + "\n");
                        Files.move(unfinished, dir.resolve("ready"));
                        return;
                    }
                } catch (InterruptedException stopped) {
                    return;
                } catch (Exception notYet) {
                    // The server is still on its way up: this is what waiting looks like.
                }
                try {
                    Thread.sleep(50);
                } catch (InterruptedException stopped) {
                    return;
                }
            }
        });
    }

    /** The check for servers that speak Elasticsearch's HTTP: all primary shards can be read and written. */
    Callable<Boolean> clusterIsYellow() {
        HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        HttpRequest request = HttpRequest.newBuilder(
                URI.create("http://127.0.0.1:" + port + "/_cluster/health?wait_for_status=yellow&timeout=10s"))
            .timeout(Duration.ofSeconds(15))
            .build();
        return () -> client.send(request, HttpResponse.BodyHandlers.discarding()).statusCode() == 200;
    }

    static void daemon(String name, Runnable work) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        thread.start();
    }

    /**
     * A parent that holds the other end of our stdin takes us along however it dies. A death signal
     * (PR_SET_PDEATHSIG) would fire when the parent's thread ends, and tests run on short-lived threads.
     */
    private void watchStdin(boolean scratch) {
        daemon("stdin", () -> {
            try {
                while (System.in.read() >= 0) {
                    // Nothing is said on stdin; only its end matters.
                }
            } catch (IOException closed) {
                // The same as its end.
            }
            if (scratch) {
                // Twice, because the server continues to write while its files are removed.
                deleteAll();
                deleteAll();
            }
            Runtime.getRuntime().halt(137);
        });
    }

    private void deleteAll() {
        try (Stream<Path> paths = Files.walk(dir)) {
            paths.sorted(Comparator.reverseOrder()).forEach(path -> path.toFile().delete());
        } catch (IOException | UncheckedIOException vanished) {
            // A file that went away by itself needs no deleting.
        }
    }
}
