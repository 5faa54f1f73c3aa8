import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

import org.apache.flink.table.client.SqlClient;

/**
 * Runs one script with Flink's own SQL client.
 *
 * <p>Arguments: {@code DIR SCRIPT [--die-with-stdin]}. DIR/said is where our stdout goes.
 */
public final class Script {
    public static void main(String[] args) throws Exception {
        if (args.length > 2) {
            watchStdin();
        }
        SqlClient.main(new String[] {"embedded", "--history", args[0] + "/history", "--file", args[1]});
        // The client ends with 0 also after a statement that failed.
        boolean failed = Files.readString(Path.of(args[0], "said")).contains("[ERROR]");
        System.exit(failed ? 1 : 0);
    }

    /** As servers do: see Launch.java. A client that runs a script reads nothing from stdin. */
    private static void watchStdin() {
        Thread thread = new Thread(() -> {
            try {
                while (System.in.read() >= 0) {
                    // Only its end matters.
                }
            } catch (IOException closed) {
                // The same as its end.
            }
            Runtime.getRuntime().halt(137);
        }, "stdin");
        thread.setDaemon(true);
        thread.start();
    }
}
