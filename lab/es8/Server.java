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
        LogConfigurator.configureESLogging();
        LogConfigurator.configureWithoutConfig(Settings.EMPTY);
        SearchServer.run(args, settings -> {
            Environment environment = InternalSettingsPreparer.prepareEnvironment(
                Settings.EMPTY, settings, null, () -> SearchServer.NAME);
            var modules = PluginsLoader.loadModulesBundles(Path.of(System.getProperty("lab.modules")));
            // The last argument: the server is on the class path here, so it has no module to export from.
            Node node = new Node(environment, PluginsLoader.createPluginsLoader(modules, Set.of(), Map.of(), false));
            return new SearchServer.Node(node::start, () -> {
                node.close();
                node.awaitClose(30, TimeUnit.SECONDS);
            });
        });
    }
}
