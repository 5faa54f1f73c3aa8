import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.Uuid;

/** One Kafka node, broker and controller in one, on 127.0.0.1. Formats its storage the first time. */
public final class Server {
    public static void main(String[] args) throws Exception {
        Launch launch = new Launch(args);
        Path config = launch.dir.resolve("server.properties");
        Files.writeString(config, settings(launch));
        if (!Files.exists(launch.dir.resolve("data/meta.properties"))) {
            int code = kafka.tools.StorageTool.execute(
                new String[] {"format", "-t", Uuid.randomUuid().toString(), "-c", config.toString()}, System.out);
            if (code != 0) {
                System.exit(code);
            }
        }
        launch.markReadyWhen(() -> brokerAnswers(launch.port));
        kafka.Kafka.main(new String[] {config.toString()});
    }

    private static boolean brokerAnswers(int port) throws Exception {
        // A client that finds no listener fills the log, so knock first.
        new Socket(InetAddress.getLoopbackAddress(), port).close();
        Properties client = new Properties();
        client.putAll(Map.of(
            "bootstrap.servers", "127.0.0.1:" + port,
            "default.api.timeout.ms", "5000",
            "request.timeout.ms", "5000",
            "reconnect.backoff.ms", "50",
            "reconnect.backoff.max.ms", "100"));
        try (Admin admin = Admin.create(client)) {
            return !admin.describeCluster().nodes().get(10, TimeUnit.SECONDS).isEmpty();
        }
    }

    private static String settings(Launch launch) throws Exception {
        int controller = freePort();
        return String.join("\n",
            "process.roles=broker,controller",
            "node.id=1",
            "controller.quorum.voters=1@127.0.0.1:" + controller,
            "listeners=PLAINTEXT://127.0.0.1:" + launch.port + ",CONTROLLER://127.0.0.1:" + controller,
            "advertised.listeners=PLAINTEXT://127.0.0.1:" + launch.port,
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.listener.names=CONTROLLER",
            "inter.broker.listener.name=PLAINTEXT",
            "log.dirs=" + launch.dir.resolve("data"),
            // Retention looks at record timestamps: with any limit, a replayed history would vanish.
            "log.retention.ms=-1",
            // Tests send records whose timestamps lie in the future.
            "log.message.timestamp.after.max.ms=" + Long.MAX_VALUE,
            "auto.create.topics.enable=false",
            "num.partitions=1",
            // Larger than any record that Tidegauge accepts, so that tests can send one that it must refuse.
            "message.max.bytes=16777216",
            "replica.fetch.max.bytes=16777216",
            "offsets.topic.num.partitions=1",
            "offsets.topic.replication.factor=1",
            "transaction.state.log.num.partitions=1",
            "transaction.state.log.replication.factor=1",
            "transaction.state.log.min.isr=1",
            "share.coordinator.state.topic.num.partitions=1",
            "share.coordinator.state.topic.replication.factor=1",
            "share.coordinator.state.topic.min.isr=1",
            "group.initial.rebalance.delay.ms=0",
            // After a SIGKILL the node must wait until the session of its former self has run out (9 s by default).
            "broker.session.timeout.ms=3000",
            "broker.heartbeat.interval.ms=500",
            // The default of 128 MiB is a quarter of the heap here.
            "log.cleaner.dedupe.buffer.size=8388608",
            "");
    }

    /** Below the ephemeral ports, so that no outgoing connection takes it before the controller does. */
    private static int freePort() {
        while (true) {
            int port = ThreadLocalRandom.current().nextInt(20_000, 32_000);
            try (ServerSocket probe = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
                return probe.getLocalPort();
            } catch (java.io.IOException taken) {
                // Another one, then.
            }
        }
    }
}
