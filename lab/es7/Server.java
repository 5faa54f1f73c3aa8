import java.util.List;
import java.util.concurrent.TimeUnit;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.index.mapper.MapperExtrasPlugin;
import org.elasticsearch.join.ParentJoinPlugin;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.reindex.ReindexPlugin;
import org.elasticsearch.script.mustache.MustachePlugin;
import org.elasticsearch.search.aggregations.matrix.MatrixAggregationPlugin;
import org.elasticsearch.transport.Netty4Plugin;

/** One Elasticsearch 7.17 node on 127.0.0.1, with the modules that are published as libraries. */
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
