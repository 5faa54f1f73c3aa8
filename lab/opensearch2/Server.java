import java.util.List;
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
