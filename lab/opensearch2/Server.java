import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.index.mapper.MapperExtrasPlugin;
import org.opensearch.join.ParentJoinPlugin;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.index.reindex.ReindexPlugin;
import org.opensearch.script.mustache.MustachePlugin;
import org.opensearch.search.aggregations.matrix.MatrixAggregationPlugin;
import org.opensearch.transport.Netty4Plugin;

/** One OpenSearch 2.19 node on 127.0.0.1, with the modules that are published as libraries. */
public final class Server extends Node {
    private Server(Environment environment) {
        super(
            environment,
            List.of(
                Netty4Plugin.class,
                MapperExtrasPlugin.class,
                ReindexPlugin.class,
                ParentJoinPlugin.class,
                MatrixAggregationPlugin.class,
                MustachePlugin.class),
            false);
    }

    public static void main(String[] args) throws Exception {
        Launch launch = new Launch(args);
        Settings settings = Settings.builder()
            .put("cluster.name", "lab")
            .put("node.name", "lab-1")
            .put("path.home", launch.dir.toString())
            .put("path.data", launch.dir.resolve("data").toString())
            .put("discovery.type", "single-node")
            .put("network.host", "127.0.0.1")
            .put("http.type", "netty4")
            .put("http.port", launch.port)
            .put("transport.type", "netty4")
            .put("transport.port", "0")
            .put("cluster.routing.allocation.disk.threshold_enabled", false)
            .put("cluster.max_shards_per_node", 10_000)
            .build();
        Server server = new Server(
            InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "lab-1"));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                server.close();
                server.awaitClose(30, TimeUnit.SECONDS);
            } catch (Exception failed) {
                failed.printStackTrace();
            }
        }));
        server.start();
        launch.markReadyWhen(launch.clusterIsYellow());
        // All threads of a node are daemons: this one keeps the process.
        Thread.currentThread().join();
    }
}
