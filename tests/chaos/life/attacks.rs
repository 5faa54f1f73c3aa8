//! How each attack is made, and what is wrong while it lasts.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::commands::CommandKind;
use super::{Life, PARTITIONS_MAX};
use crate::chaos::attack::Attack;
use crate::chaos::servers::Server;
use crate::support::lab::Moment;

/// A fault with an end.
pub(super) struct PassingFault {
    pub(super) until: Instant,
    pub(super) kind: FaultKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FaultKind {
    Network(Server),
    FullDisk,
    Blocks,
    Template,
}

impl Life<'_> {
    #[track_caller]
    pub(super) fn attack(&mut self, attack: &Attack) {
        match attack {
            Attack::Kill => self.supervisor.kill(&self.setup),
            Attack::KillWhileStarting { after } => {
                self.supervisor.kill(&self.setup);
                self.pass(Duration::from_millis(*after));
                self.supervisor.kill(&self.setup);
            }
            Attack::KillAtRequest {
                request,
                moment,
                further,
            } => {
                let network = self.servers.network(Server::Elasticsearch);
                network.when(request, *moment, *further, self.supervisor.shooter());
                if *request != "POST /_bulk" {
                    // What is asked at a start.
                    self.supervisor.kill(&self.setup);
                }
                let kills = self.supervisor.kills;
                self.pass_until(|life| life.supervisor.kills > kills);
                self.servers.network(Server::Elasticsearch).forget();
            }
            #[cfg(feature = "simulation")]
            Attack::KillAtPoint { point, passes } => {
                self.supervisor.end();
                let at = format!("{point}={passes}");
                let variables = [(super::crashes::VARIABLE, at)];
                self.supervisor.start_to_crash(&self.setup, &variables);
                let kills = self.supervisor.kills;
                self.pass_until(|life| life.supervisor.kills > kills);
                self.supervisor.kill(&self.setup);
            }
            Attack::Freeze { time } => {
                let time = Duration::from_millis(*time);
                self.supervisor.freeze(&self.setup, time);
            }
            Attack::Terminate => self.supervisor.terminate(&self.setup),
            Attack::Network {
                server,
                fault,
                time,
            } => {
                self.servers.network(*server).set(*fault);
                self.fault(FaultKind::Network(*server), *time);
            }
            Attack::Reset { server } => self.servers.network(*server).reset(),
            Attack::Restart { server, in_order } => self.restart(*server, *in_order),
            Attack::FillDisk { kib, time } => {
                self.fault(FaultKind::FullDisk, *time);
                self.supervisor.fill_disk(Some(kib * 1_024));
            }
            Attack::BlockIndexes { block, time } => {
                self.set_on_all_indexes(&json!({format!("index.blocks.{block}"): true}));
                self.fault(FaultKind::Blocks, *time);
            }
            Attack::ReplaceTemplate { time } => self.replace_template(*time),
            Attack::DeleteIndex { which } => self.delete_index(*which),
            Attack::DeleteAlias { which } => self.delete_alias(*which),
            Attack::GrowTopic => self.grow_topic(),
            Attack::SecondInstance { time } => self.second_instance(*time),
            Attack::Replay { killed_after } => {
                let process = self.setup.spawn(&["replay", "--swap", "-o", "json"]);
                self.command(process, CommandKind::Replay, *killed_after);
            }
            Attack::Backup { killed_after } => self.back_up(*killed_after),
        }
    }

    #[track_caller]
    fn restart(&mut self, server: Server, in_order: bool) {
        self.supervisor.disturb(true);
        self.servers.restart(server, in_order);
        self.look();
    }

    fn replace_template(&mut self, time: u64) {
        let elastic = &self.servers.elastic;
        elastic.delete(&format!("/_index_template/{}-1m-*", self.name));
        let foreign = json!({
            "index_patterns": [format!("{}-1m-*", self.name)],
            "priority": 500,
            "template": {"mappings": {"dynamic": true}},
        });
        let put = elastic.put(&format!("/_index_template/foreign-{}", self.name), &foreign);
        self.timeline.note(format!("it is answered: {}", put.text));
        self.fault(FaultKind::Template, time);
    }

    fn delete_index(&self, which: usize) {
        let elastic = &self.servers.elastic;
        let listed = elastic.get(&format!("/_cat/indices/{}-*?h=index&s=index", self.name));
        let indexes: Vec<&str> = listed.text.lines().map(str::trim).collect();
        if listed.status == 200 && !indexes.is_empty() {
            let index = indexes[which % indexes.len()];
            elastic.delete(&format!("/{index}"));
            self.timeline.note(format!("deleted: {index}"));
        }
    }

    /// An index is lost, and the service is killed while it makes it again.
    #[track_caller]
    pub fn lose_index(&mut self, moment: Moment) {
        // The windows before stay as they are, so that nothing else brings them back.
        let index = format!("{}-1m-g1-2026.11", self.name);
        self.servers.elastic.delete(&format!("/{index}")).ok();
        self.timeline.note(format!("deleted: {index}"));
        let network = self.servers.network(Server::Elasticsearch);
        let request = format!("PUT /{index}");
        network.when(&request, moment, 0, self.supervisor.shooter());
        let kills = self.supervisor.kills;
        self.producer.resume();
        let until = Instant::now() + Duration::from_secs(60);
        while self.supervisor.kills == kills {
            assert!(Instant::now() < until, "{index} is not made again");
            self.pass(Duration::from_millis(5));
        }
    }

    fn delete_alias(&self, which: usize) {
        let elastic = &self.servers.elastic;
        let listed = elastic.get("/_cat/aliases?h=index,alias&s=index,alias");
        let pairs: Vec<Vec<&str>> = listed
            .text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .filter(|pair: &Vec<&str>| pair.len() == 2 && pair[0].starts_with(&self.name))
            .collect();
        if let Some(pair) = pairs.get(which % pairs.len().max(1)) {
            elastic.delete(&format!("/{}/_alias/{}", pair[0], pair[1]));
            self.timeline
                .note(format!("deleted: {} of {}", pair[1], pair[0]));
        }
    }

    fn grow_topic(&mut self) {
        if self.partitions < PARTITIONS_MAX {
            self.partitions += 1;
            self.servers.kafka.grow_topic(&self.name, self.partitions);
            self.producer.spread(self.partitions);
        }
    }

    /// A fault begins, in place of one of its kind.
    fn fault(&mut self, kind: FaultKind, time: u64) {
        self.faults.retain(|other| other.kind != kind);
        let until = Instant::now() + Duration::from_millis(time);
        self.faults.push(PassingFault { until, kind });
        self.supervisor.disturb(true);
    }

    pub(super) fn lift(&mut self, kind: FaultKind) {
        match kind {
            FaultKind::Network(server) => self.servers.network(server).open(),
            FaultKind::FullDisk => self.supervisor.fill_disk(None),
            FaultKind::Blocks => {
                let none = json!({"index.blocks.write": null, "index.blocks.read_only_allow_delete": null});
                self.set_on_all_indexes(&none);
            }
            FaultKind::Template => {
                let template = format!("/_index_template/foreign-{}", self.name);
                self.servers.elastic.delete(&template);
            }
        }
    }

    fn set_on_all_indexes(&self, settings: &Value) {
        let path = format!("/{}-*/_settings?allow_no_indices=true", self.name);
        let done = self.servers.elastic.put(&path, settings);
        if done.status != 200 {
            self.timeline.note(format!("not set: {}", done.text));
        }
    }
}
