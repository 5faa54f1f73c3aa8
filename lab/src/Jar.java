import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;

/** Packs the classes in a directory, as the tool of that name does: a JRE lacks it. Arguments: {@code JAR DIR}. */
final class Jar {
    public static void main(String[] args) throws IOException {
        Path dir = Path.of(args[1]);
        try (OutputStream file = Files.newOutputStream(Path.of(args[0]));
            JarOutputStream jar = new JarOutputStream(file);
            Stream<Path> paths = Files.walk(dir)) {
            for (Path path : paths.filter(Files::isRegularFile).toList()) {
                jar.putNextEntry(new JarEntry(dir.relativize(path).toString()));
                Files.copy(path, jar);
                jar.closeEntry();
            }
        }
    }
}
