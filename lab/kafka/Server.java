import java.io.StringReader;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UserScramCredentialAlteration;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

/**
 * One Kafka node, broker and controller in one, on 127.0.0.1. Formats its storage the first time.
 *
 * <p>PORT takes clients without TLS and without a login. Four files under DIR add to that. They are read at each start,
 * and none need be there:
 *
 * <ul>
 *   <li>{@code DIR/cluster}: {@code CLUSTER-ID NODE-ID CONTROLLER-PORT}. The node is one of a cluster: those that name the
 *       same id and port. Node 1 is also the controller, and the others are brokers only. It counts as ready once it is a
 *       broker of the cluster.
 *   <li>{@code DIR/extra.properties}: settings of the broker. {@code key=value} takes the place of the setting below;
 *       {@code +key=value} adds to its list. So {@code +listeners=SECURE://127.0.0.1:12345} opens one more port, which
 *       {@code +advertised.listeners} and {@code +listener.security.protocol.map} have to name as well.
 *   <li>{@code DIR/scram-users}: one user a line, {@code MECHANISM NAME PASSWORD}, such as {@code SCRAM-SHA-512 reader
 *       secret}. The user is made, or gets this password, before the node counts as ready.
 *   <li>{@code DIR/rights}: one right a line, {@code NAME OPERATION TOPIC}, such as {@code reader DESCRIBE payments}, for
 *       an authorizer that extra.properties names. The user has it before the node counts as ready.
 * </ul>
 */
public final class Server {
    /** The node that is the controller. */
    private static final int CONTROLLER = 1;

    public static void main(String[] args) throws Exception {
        Launch launch = new Launch(args);
        Path config = launch.dir.resolve("server.properties");
        Member member = member(launch.dir.resolve("cluster"));
        Files.writeString(config, settings(launch, member));
        if (!Files.exists(launch.dir.resolve("data/meta.properties"))) {
            int code = kafka.tools.StorageTool.execute(
                new String[] {"format", "-t", member.cluster, "-c", config.toString()}, System.out);
            if (code != 0) {
                System.exit(code);
            }
        }
        List<UserScramCredentialAlteration> users = scramUsers(launch.dir.resolve("scram-users"));
        List<AclBinding> rights = rights(launch.dir.resolve("rights"));
        launch.markReadyWhen(() -> brokerAnswers(launch.port, member, users, rights));
        kafka.Kafka.main(new String[] {config.toString()});
    }

    private static boolean brokerAnswers(
            int port, Member member, List<UserScramCredentialAlteration> users, List<AclBinding> rights)
            throws Exception {
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
            if (admin.describeCluster().nodes().get(10, TimeUnit.SECONDS).stream()
                    .noneMatch(node -> node.id() == member.node)) {
                return false;
            }
            if (!users.isEmpty()) {
                admin.alterUserScramCredentials(users).all().get(10, TimeUnit.SECONDS);
            }
            if (!rights.isEmpty()) {
                admin.createAcls(rights).all().get(10, TimeUnit.SECONDS);
                // The controller has them. The broker, which answers this, learns of them a moment later.
                if (!admin.describeAcls(AclBindingFilter.ANY).values().get(10, TimeUnit.SECONDS).containsAll(rights)) {
                    return false;
                }
            }
            return true;
        }
    }

    /** Which node of which cluster this is. */
    private record Member(String cluster, int node, int controllerPort) {}

    private static Member member(Path file) throws Exception {
        if (!Files.exists(file)) {
            return new Member(Uuid.randomUuid().toString(), CONTROLLER, freePort());
        }
        String[] member = Files.readString(file).strip().split(" ", 3);
        return new Member(member[0], Integer.parseInt(member[1]), Integer.parseInt(member[2]));
    }

    private static List<UserScramCredentialAlteration> scramUsers(Path file) throws Exception {
        List<UserScramCredentialAlteration> users = new ArrayList<>();
        if (Files.exists(file)) {
            for (String line : Files.readAllLines(file)) {
                String[] user = line.split(" ", 3);
                ScramMechanism mechanism = ScramMechanism.fromMechanismName(user[0]);
                users.add(new UserScramCredentialUpsertion(
                    user[1], new ScramCredentialInfo(mechanism, 4096), user[2]));
            }
        }
        return users;
    }

    private static List<AclBinding> rights(Path file) throws Exception {
        List<AclBinding> rights = new ArrayList<>();
        if (Files.exists(file)) {
            for (String line : Files.readAllLines(file)) {
                String[] right = line.split(" ", 3);
                rights.add(new AclBinding(
                    new ResourcePattern(ResourceType.TOPIC, right[2], PatternType.LITERAL),
                    new AccessControlEntry(
                        "User:" + right[0], "*", AclOperation.fromString(right[1]), AclPermissionType.ALLOW)));
            }
        }
        return rights;
    }

    private static String settings(Launch launch, Member member) throws Exception {
        Properties settings = new Properties();
        settings.load(new StringReader(ownSettings(launch, member)));
        Path file = launch.dir.resolve("extra.properties");
        if (Files.exists(file)) {
            Properties extra = new Properties();
            extra.load(new StringReader(Files.readString(file)));
            for (String key : extra.stringPropertyNames()) {
                if (key.startsWith("+")) {
                    settings.merge(key.substring(1), extra.getProperty(key), (list, more) -> list + "," + more);
                } else {
                    settings.put(key, extra.getProperty(key));
                }
            }
        }
        StringWriter text = new StringWriter();
        settings.store(text, null);
        return text.toString();
    }

    private static String ownSettings(Launch launch, Member member) {
        String controller = "127.0.0.1:" + member.controllerPort;
        boolean isController = member.node == CONTROLLER;
        return String.join("\n",
            "process.roles=broker" + (isController ? ",controller" : ""),
            "node.id=" + member.node,
            "controller.quorum.voters=" + CONTROLLER + "@" + controller,
            "listeners=PLAINTEXT://127.0.0.1:" + launch.port + (isController ? ",CONTROLLER://" + controller : ""),
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
            // Leaders move when a test has them move.
            "auto.leader.rebalance.enable=false",
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
