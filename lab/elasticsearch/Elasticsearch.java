import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginBundle;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * One Elasticsearch 8 or 9 node on 127.0.0.1, with the modules that are published as libraries: no {@code scaled_float},
 * {@code histogram}, reindex, delete-by-query, data streams or scripts. The system property {@code lab.modules} names
 * the directory with the modules, a directory each.
 */
final class Elasticsearch {
    private Elasticsearch() {}

    /** Runs it; {@code modules} loads the modules of a directory. */
    static void run(String[] args, Function<Path, Set<PluginBundle>> modules) throws Exception {
        LogConfigurator.configureESLogging();
        LogConfigurator.configureWithoutConfig(Settings.EMPTY);
        SearchServer.run(args, settings -> {
            Environment environment = InternalSettingsPreparer.prepareEnvironment(
                Settings.EMPTY, settings, null, () -> SearchServer.NAME);
            Set<PluginBundle> loaded = modules.apply(Path.of(System.getProperty("lab.modules")));
            // The last argument: the server is on the class path here, so it has no module to export from.
            Node node = new Node(environment, PluginsLoader.createPluginsLoader(loaded, Set.of(), Map.of(), false));
            return new SearchServer.Node(node::start, () -> {
                node.close();
                node.awaitClose(30, TimeUnit.SECONDS);
            });
        });
    }
}
