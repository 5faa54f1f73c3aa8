import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * One Elasticsearch 8.19 node on 127.0.0.1, with the modules that are published as libraries: no {@code scaled_float},
 * {@code histogram}, reindex, delete-by-query, data streams or scripts. The system property {@code lab.modules} names
 * the directory with the modules, a directory each.
 */
public final class Server {
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
        LogConfigurator.configureESLogging();
        LogConfigurator.configureWithoutConfig(settings);
        Environment environment = InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "lab-1");
        // The last argument: the server is on the class path here, so it has no module to export from.
        Node node = new Node(
            environment,
            PluginsLoader.createPluginsLoader(
                PluginsLoader.loadModulesBundles(Path.of(System.getProperty("lab.modules"))), Set.of(), Map.of(), false));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.close();
                node.awaitClose(30, TimeUnit.SECONDS);
            } catch (Exception failed) {
                failed.printStackTrace();
            }
        }));
        node.start();
        launch.markReadyWhen(launch.clusterIsYellow());
        // All threads of a node are daemons: this one keeps the process.
        Thread.currentThread().join();
    }
}
