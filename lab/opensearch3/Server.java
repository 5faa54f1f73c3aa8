import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.opensearch.Version;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.index.mapper.MapperExtrasModulePlugin;
import org.opensearch.index.reindex.ReindexModulePlugin;
import org.opensearch.join.ParentJoinModulePlugin;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.plugins.PluginInfo;
import org.opensearch.script.mustache.MustacheModulePlugin;
import org.opensearch.search.aggregations.matrix.MatrixAggregationModulePlugin;
import org.opensearch.transport.Netty4ModulePlugin;

/** One OpenSearch 3.9 node on 127.0.0.1, with the modules that are published as libraries. */
public final class Server extends Node {
    private Server(Environment environment) {
        super(
            environment,
            Stream.of(
                    Netty4ModulePlugin.class,
                    MapperExtrasModulePlugin.class,
                    ReindexModulePlugin.class,
                    ParentJoinModulePlugin.class,
                    MatrixAggregationModulePlugin.class,
                    MustacheModulePlugin.class)
                .map(plugin -> new PluginInfo(
                    plugin.getName(), "module", Version.CURRENT.toString(), Version.CURRENT, "21", plugin.getName(), null,
                    List.of(), false))
                .toList(),
            false);
    }

    public static void main(String[] args) throws Exception {
        SearchServer.run(args, settings -> {
            Server server = new Server(InternalSettingsPreparer.prepareEnvironment(
                Settings.EMPTY, settings, null, () -> SearchServer.NAME));
            return new SearchServer.Node(server::start, () -> {
                server.close();
                server.awaitClose(30, TimeUnit.SECONDS);
            });
        });
    }
}
