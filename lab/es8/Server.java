import org.elasticsearch.plugins.PluginsLoader;

/** Elasticsearch 8.19. */
public final class Server {
    public static void main(String[] args) throws Exception {
        Elasticsearch.run(args, PluginsLoader::loadModulesBundles);
    }
}
