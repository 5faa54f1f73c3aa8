import org.elasticsearch.plugins.PluginsLoader;

/** Elasticsearch 9.5. */
public final class Server {
    public static void main(String[] args) throws Exception {
        Elasticsearch.run(args, modules -> PluginsLoader.loadModulesBundles(modules, false));
    }
}
