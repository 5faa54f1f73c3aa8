//! The example for Kubernetes holds together and fits the image, the configuration and the program, as far as can be
//! seen without a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Output;

use clap::Parser;
use serde_json::Value;
use tidegauge::cli::arguments::Arguments;

use super::{text_of, yaml_documents};
use crate::support::lab::certificates::Authority;
use crate::support::lab::{Kafka, eventually, http, unique};
use crate::support::service::{Setup, binary, quoted};

/// What stands in place of the secrets.
const CANARY: &str = "canary-of-a-secret";

/// The manifests, each by its kind, and the example of the Secret.
struct Example {
    manifests: BTreeMap<String, Value>,
    secret: Value,
}

impl Example {
    fn read() -> Option<Self> {
        let documents = yaml_documents("ops/kubernetes/tidegauge.yml")?;
        let count = documents.len();
        let named = documents
            .into_iter()
            .map(|document| (text(&document["kind"]).to_owned(), document));
        let manifests: BTreeMap<String, Value> = named.collect();
        assert_eq!(manifests.len(), count, "two of one kind");
        let mut secrets = yaml_documents("ops/kubernetes/secret.yml.example")?;
        assert_eq!(secrets.len(), 1);
        let secret = secrets.remove(0);
        assert_eq!(secret["kind"], "Secret");
        Some(Self { manifests, secret })
    }

    fn set(&self) -> &Value {
        &self.manifests["StatefulSet"]["spec"]
    }

    fn pod(&self) -> &Value {
        &self.set()["template"]["spec"]
    }

    fn container(&self) -> &Value {
        let containers = list(&self.pod()["containers"]);
        assert_eq!(containers.len(), 1);
        &containers[0]
    }

    /// The configuration file.
    fn toml(&self) -> &str {
        text(&self.manifests["ConfigMap"]["data"]["tidegauge.toml"])
    }

    /// Where the volume is mounted.
    fn mount(&self, volume: &str) -> &str {
        let mounts = list(&self.container()["volumeMounts"]);
        let mount = mounts.iter().find(|mount| mount["name"] == volume);
        text(&mount.unwrap_or_else(|| panic!("{volume} is not mounted"))["mountPath"])
    }

    fn volume(&self, name: &str) -> &Value {
        let volumes = list(&self.pod()["volumes"]);
        let volume = volumes.iter().find(|volume| volume["name"] == name);
        volume.unwrap_or_else(|| panic!("there is no volume {name}"))
    }

    /// The files that the pod sees of the Secret, each with its key.
    fn secret_files(&self) -> BTreeMap<&str, &str> {
        list(&self.volume("secrets")["secret"]["items"])
            .iter()
            .map(|item| (text(&item["path"]), text(&item["key"])))
            .collect()
    }

    fn variables(&self) -> BTreeMap<&str, &Value> {
        list(&self.container()["env"])
            .iter()
            .map(|variable| (text(&variable["name"]), variable))
            .collect()
    }

    /// What `tidegauge check` makes of it in a pod whose Secret has these files.
    fn check(&self, content: impl Fn(&str) -> String) -> Output {
        let dir = tempfile::tempdir().unwrap();
        for (file, key) in self.secret_files() {
            fs::write(dir.path().join(file), content(key)).unwrap();
        }
        let here = dir.path().to_str().unwrap();
        let config = dir.path().join("tidegauge.toml");
        fs::write(&config, self.toml().replace(self.mount("secrets"), here)).unwrap();
        let mut check = binary();
        check.arg("check");
        for (name, variable) in self.variables() {
            match variable["value"].as_str() {
                Some(_) if name == "TIDEGAUGE_CONFIG" => check.env(name, &config),
                Some(value) => check.env(name, value),
                None => check.env(name, CANARY),
            };
        }
        check.output().unwrap()
    }
}

#[track_caller]
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value}"))
}

#[track_caller]
fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value}"))
}

#[track_caller]
fn compose() -> Option<Value> {
    Some(yaml_documents("compose.yml")?.remove(0))
}

#[test]
fn what_the_manifests_name_exists() {
    let Some(example) = Example::read() else {
        return;
    };
    let kinds: Vec<&str> = example.manifests.keys().map(String::as_str).collect();
    assert_eq!(kinds, ["ConfigMap", "Service", "StatefulSet"]);
    let name_of = |kind: &str| &example.manifests[kind]["metadata"]["name"];
    let secret = &example.secret["metadata"]["name"];
    assert_eq!(&example.set()["serviceName"], name_of("Service"));
    assert_eq!(
        &example.volume("configuration")["configMap"]["name"],
        name_of("ConfigMap")
    );
    assert_eq!(&example.volume("secrets")["secret"]["secretName"], secret);
    let labels = &example.set()["template"]["metadata"]["labels"];
    assert_eq!(&example.set()["selector"]["matchLabels"], labels);
    assert_eq!(&example.manifests["Service"]["spec"]["selector"], labels);

    // Each key of the Secret is used once, as a file or as a variable.
    let mut used: Vec<&str> = example.secret_files().into_values().collect();
    for variable in example.variables().into_values() {
        if let Some(reference) = variable["valueFrom"]["secretKeyRef"].as_object() {
            assert_eq!(&reference["name"], secret);
            used.push(text(&reference["key"]));
        }
    }
    used.sort_unstable();
    let keys = example.secret["stringData"].as_object().unwrap();
    assert_eq!(used, keys.keys().collect::<Vec<_>>());

    // Each file of the Secret is named by the configuration, which names no other.
    let prefix = format!("{}/", example.mount("secrets"));
    let named: BTreeSet<&str> = example
        .toml()
        .split('"')
        .filter_map(|quoted| quoted.strip_prefix(&prefix))
        .collect();
    let files: BTreeSet<&str> = example.secret_files().into_keys().collect();
    assert_eq!(named, files);
    let config = text(&example.variables()["TIDEGAUGE_CONFIG"]["value"]);
    assert_eq!(
        Path::new(config).parent(),
        Some(Path::new(example.mount("configuration")))
    );
}

#[test]
fn the_configuration_of_the_example_is_right_once_the_secrets_are() {
    let Some(example) = Example::read() else {
        return;
    };
    let authority = Authority::new("of the example").pem();
    let checked = example.check(|key| match key {
        pem if pem.ends_with(".pem") => authority.clone(),
        _ => CANARY.to_owned(),
    });
    let (shown, said) = (
        String::from_utf8(checked.stdout).unwrap(),
        String::from_utf8(checked.stderr).unwrap(),
    );
    assert_eq!(checked.status.code(), Some(0), "{said}");
    assert!(!shown.contains(CANARY) && !said.contains(CANARY), "{shown}");
    // The state and the generations beside it are on the volume.
    let volume = example.mount("state");
    assert!(shown.contains(&format!("state_dir = \"{volume}/state\"")));
    assert!(text_of("Dockerfile").contains(&format!("\nVOLUME {volume}\n")));
    for line in [
        "start = \"earliest\"",
        "\"security.protocol\" = \"sasl_ssl\"",
    ] {
        assert!(shown.to_lowercase().contains(line), "{line}: {shown}");
    }
}

#[test]
fn a_pod_does_not_start_with_the_placeholders_of_the_secret() {
    let Some(example) = Example::read() else {
        return;
    };
    let placeholder = |key: &str| text(&example.secret["stringData"][key]).to_owned();
    let said = |key: &str, content: &dyn Fn(&str) -> String| {
        let checked = example.check(content);
        let said = String::from_utf8(checked.stderr).unwrap();
        assert_eq!(checked.status.code(), Some(78), "{key}: {said}");
        said
    };
    let all = said("all", &placeholder);
    for file in ["http-token", "elasticsearch-api-key", "kafka-ca.pem"] {
        assert!(all.contains(file), "{file}: {all}");
    }
    let keys = example.secret["stringData"].as_object().unwrap();
    for value in keys.values() {
        assert!(text(value).starts_with("REPLACE THIS."), "{value}");
    }
}

#[test]
fn probes_are_answered_to_a_kubelet_which_has_no_token() {
    let (Some(example), Some(kafka)) = (Example::read(), Kafka::shared()) else {
        return;
    };
    let name = unique("probed");
    kafka.create_topic(&name, 1);
    let setup = Setup::of(kafka, &name);
    let token = setup.path("token");
    fs::write(&token, CANARY).unwrap();
    let token = quoted(token.to_str().unwrap());
    let setup = setup.with("http", "token_file", &token);
    let service = setup.serve();
    eventually("a ready service", || {
        (http::get(&format!("{}/readyz", service.url())).status == 200).then_some(())
    });
    for (kind, path) in [
        ("startupProbe", "/livez"),
        ("livenessProbe", "/livez"),
        ("readinessProbe", "/readyz"),
    ] {
        let probe = &example.container()[kind];
        assert_eq!(probe["httpGet"]["path"], path, "{kind}");
        assert_eq!(probe["httpGet"]["port"], "http", "{kind}");
        let answer = http::get(&format!("{}{path}", service.url()));
        assert_eq!(answer.status, 200, "{kind}: {}", answer.text);
    }
    let refused = http::get(&format!("{}/api/v1/totals", service.url()));
    assert_eq!(refused.status, 401);
}

#[test]
fn the_service_of_the_example_leads_to_the_port_of_the_configuration() {
    let Some(example) = Example::read() else {
        return;
    };
    let config: toml::Value = toml::from_str(example.toml()).unwrap();
    let listen = config["http"]["listen"].as_str().unwrap();
    let port: u64 = listen.strip_prefix("0.0.0.0:").unwrap().parse().unwrap();
    let ports = list(&example.container()["ports"]);
    assert_eq!(ports.len(), 1);
    assert_eq!(
        (&ports[0]["name"], ports[0]["containerPort"].as_u64()),
        (&"http".into(), Some(port))
    );
    let service = &example.manifests["Service"]["spec"];
    assert_eq!(service["ports"][0]["targetPort"], "http");
    // Prometheus' example asks this service by name.
    let target = format!("\"tidegauge:{}\"", service["ports"][0]["port"]);
    assert!(text_of("ops/prometheus/prometheus.yml").contains(&target));
    assert!(text_of("Dockerfile").contains(&format!("\nEXPOSE {port}\n")));
}

#[test]
fn the_pod_runs_the_image_as_its_user_and_without_rights() {
    let (Some(example), Some(compose)) = (Example::read(), compose()) else {
        return;
    };
    let container = example.container();
    let ours = &compose["services"]["tidegauge"];
    assert_eq!(container["image"], ours["image"]);
    assert_eq!(
        text(&container["imagePullPolicy"]).to_lowercase(),
        text(&ours["pull_policy"])
    );
    let words = list(&container["args"]).iter().map(text);
    let parsed = Arguments::try_parse_from(std::iter::once("tidegauge").chain(words));
    assert!(parsed.is_ok(), "{}", parsed.unwrap_err());

    let pod = &example.pod()["securityContext"];
    let user = format!("\nUSER {}:{}\n", pod["runAsUser"], pod["runAsGroup"]);
    assert!(text_of("Dockerfile").contains(&user), "{user}");
    assert_eq!(pod["fsGroup"], pod["runAsGroup"]);
    assert_eq!(pod["runAsNonRoot"], true);
    assert_eq!(pod["seccompProfile"]["type"], "RuntimeDefault");
    let own = &container["securityContext"];
    assert_eq!(own["readOnlyRootFilesystem"], true);
    assert_eq!(own["allowPrivilegeEscalation"], false);
    assert_eq!(own["capabilities"]["drop"][0], "ALL");
    assert_eq!(example.pod()["automountServiceAccountToken"], false);
    // The group reads the secrets, and no other user does.
    assert_eq!(example.volume("secrets")["secret"]["defaultMode"], 0o440);
}

#[test]
fn no_two_pods_have_one_state_and_a_pod_has_the_time_to_stop() {
    let Some(example) = Example::read() else {
        return;
    };
    let set = example.set();
    assert_eq!(set["replicas"], 1);
    let claims = list(&set["volumeClaimTemplates"]);
    assert_eq!(claims.len(), 1);
    assert_eq!(claims[0]["metadata"]["name"], "state");
    assert_eq!(
        list(&claims[0]["spec"]["accessModes"]),
        ["ReadWriteOncePod"]
    );
    // tests/operations/stopping.rs holds it to what the page says.
    let page = text_of("docs/operations.md");
    let stops = page
        .split("SIGINT stops it cleanly within ")
        .nth(1)
        .unwrap();
    let stops: u64 = stops.split(' ').next().unwrap().parse().unwrap();
    let grace = example.pod()["terminationGracePeriodSeconds"].as_u64();
    assert!(grace > Some(stops), "{grace:?} s for {stops} s");
    let unit = text_of("ops/tidegauge.service");
    assert!(unit.contains(&format!("\nTimeoutStopSec={}s\n", grace.unwrap())));
}

#[test]
fn a_secret_that_is_created_as_the_page_says_has_the_keys_of_the_example() {
    let Some(example) = Example::read() else {
        return;
    };
    let page = text_of("docs/operations.md");
    let section = page.split("### With Kubernetes").nth(1).unwrap();
    let section = section.split("\n### ").next().unwrap();
    let created: BTreeSet<&str> = section
        .split("--from-file=")
        .skip(1)
        .map(|rest| rest.split('=').next().unwrap())
        .collect();
    let keys = example.secret["stringData"].as_object().unwrap();
    assert_eq!(created, keys.keys().map(String::as_str).collect());
    for path in [
        "ops/kubernetes/tidegauge.yml",
        "ops/kubernetes/secret.yml.example",
    ] {
        assert!(section.contains(path), "{path}");
    }
}

#[test]
fn a_pod_for_maintenance_has_what_the_service_has() {
    let file = "ops/kubernetes/maintenance.yml.example";
    let (Some(example), Some(pods)) = (Example::read(), yaml_documents(file)) else {
        return;
    };
    let [pod] = pods.as_slice() else {
        panic!("more than a pod")
    };
    // With them, requests to the service would be led there.
    assert_eq!(pod["metadata"]["labels"], Value::Null);
    let (pod, of_service) = (&pod["spec"], example.pod());
    let container = &list(&pod["containers"])[0];
    assert_eq!(pod["securityContext"], of_service["securityContext"]);
    for field in ["image", "imagePullPolicy", "resources", "securityContext"] {
        assert_eq!(container[field], example.container()[field], "{field}");
    }
    let but = |values: &Value, names: &[&str]| -> Vec<Value> {
        let values = list(values).iter();
        let kept = values.filter(|value| !names.contains(&text(&value["name"])));
        kept.cloned().collect()
    };
    let variables = but(&example.container()["env"], &["TIDEGAUGE_LOG_FORMAT"]);
    assert_eq!(but(&container["env"], &[]), variables);
    let mounts = but(&example.container()["volumeMounts"], &[]);
    assert_eq!(but(&container["volumeMounts"], &["backup"]), mounts);
    let volumes = but(&of_service["volumes"], &[]);
    assert_eq!(but(&pod["volumes"], &["backup", "state"]), volumes);
    let claim = &list(&example.set()["volumeClaimTemplates"])[0]["metadata"]["name"];
    let name = &example.manifests["StatefulSet"]["metadata"]["name"];
    let volume = list(&pod["volumes"]).iter();
    let state = volume.clone().find(|volume| volume["name"] == *claim);
    assert_eq!(
        state.map(|state| &state["persistentVolumeClaim"]["claimName"]),
        Some(&Value::from(format!("{}-{}-0", text(claim), text(name))))
    );
}
