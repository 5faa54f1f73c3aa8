import java.util.Map;
import java.util.function.Function;

/** What the servers that speak Elasticsearch's HTTP share: how one node on 127.0.0.1 is set up, started and stopped. */
final class SearchServer {
    static final String NAME = "lab-1";

    /** A step of a server that may fail. */
    interface Step {
        void take() throws Exception;
    }

    /** How a node of some version starts, and how it stops within 30 seconds. */
    record Node(Step start, Step stop) {}

    private SearchServer() {}

    /** Runs the node that {@code node} makes of its settings, until the process is told to end. */
    static void run(String[] args, Function<Map<String, String>, Node> node) throws Exception {
        Launch launch = new Launch(args);
        Map<String, String> settings = Map.ofEntries(
            Map.entry("cluster.name", "lab"),
            Map.entry("node.name", NAME),
            Map.entry("path.home", launch.dir.toString()),
            Map.entry("path.data", launch.dir.resolve("data").toString()),
            Map.entry("path.repo", launch.dir.resolve("snapshots").toString()),
            Map.entry("discovery.type", "single-node"),
            Map.entry("network.host", "127.0.0.1"),
            Map.entry("http.type", "netty4"),
            Map.entry("http.port", String.valueOf(launch.port)),
            Map.entry("transport.type", "netty4"),
            Map.entry("transport.port", "0"),
            Map.entry("cluster.routing.allocation.disk.threshold_enabled", "false"),
            Map.entry("cluster.max_shards_per_node", "10000"));
        Node made = node.apply(settings);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                made.stop().take();
            } catch (Exception failed) {
                failed.printStackTrace();
            }
        }));
        made.start().take();
        launch.markReadyWhen(launch.clusterIsYellow());
        // All threads of a node are daemons: this one keeps the process.
        Thread.currentThread().join();
    }
}
