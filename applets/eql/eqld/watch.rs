//! What the kernel tells of interfaces and neighbours.

use std::net::IpAddr;

use wanbox_eql_engine::{Heard, SlaveId};
use wanbox_runtime::event_loop::{Loop, Token};
use wanbox_runtime::netlink::{Link, Neighbour, NetEvent, Reachability};

use super::daemon::{Daemon, owner};

impl Daemon {
    pub(super) fn interfaces_changed(&mut self, lp: &mut Loop) {
        loop {
            match self.monitor.poll_event() {
                Ok(None) => return,
                Ok(Some(NetEvent::Link(link))) => self.link_changed(lp, link),
                Ok(Some(NetEvent::LinkGone(link))) => self.link_gone(lp, link.index),
                Ok(Some(NetEvent::Neighbour(neighbour))) => {
                    self.neighbour(lp, &neighbour, heard(&neighbour))
                }
                Ok(Some(NetEvent::NeighbourGone(neighbour))) => {
                    self.neighbour(lp, &neighbour, Heard::Forgotten);
                }
                Ok(Some(NetEvent::Lost)) => self.look(lp),
                Ok(Some(_)) => {}
                Err(error) => {
                    self.failure = Some(format!("interfaces can't be watched: {error}"));
                    lp.stop();
                    return;
                }
            }
        }
    }

    /// Looks at everything, after changes that were not told.
    fn look(&mut self, lp: &mut Loop) {
        let (links, neighbours) = match (self.netlink.links(), self.netlink.neighbours()) {
            (Ok(links), Ok(neighbours)) => (links, neighbours),
            (Err(error), _) | (_, Err(error)) => {
                log::error!("{error}");
                return;
            }
        };
        let gone: Vec<u32> = self
            .ports
            .iter()
            .filter_map(|port| port.index())
            .chain([self.link.index])
            .filter(|index| links.iter().all(|link| link.index != *index))
            .collect();
        for index in gone {
            self.link_gone(lp, index);
        }
        for link in links {
            self.link_changed(lp, link);
        }
        for neighbour in &neighbours {
            self.neighbour(lp, neighbour, heard(neighbour));
        }
        // Those that were forgotten meanwhile.
        let known = |index: u32, hop: IpAddr| {
            let mut all = neighbours.iter();
            all.any(|n| n.index == index && n.address == hop)
        };
        for id in self.ids() {
            let hop = self.port(id).and_then(|port| {
                let hop = port.next_hop.as_ref()?;
                Some((port.index()?, hop.address()))
            });
            if hop.is_some_and(|(index, hop)| !known(index, hop)) {
                self.ask(id);
            }
        }
        self.search_on(lp, |pending| {
            let hop = pending.wanted.next_hop;
            hop.is_some_and(|hop| !known(pending.index, hop))
        });
    }

    fn link_changed(&mut self, lp: &mut Loop, link: Link) {
        if link.index == self.link.index {
            self.master_changed(lp, link);
            return;
        }
        for id in self.ids() {
            let Some(port) = self.port(id) else {
                continue;
            };
            let ours = port.index() == Some(link.index);
            if link.name == port.name {
                // What is known of the neighbour was known of another interface.
                if !ours && let Some(hop) = &mut port.next_hop {
                    hop.lost();
                }
                let ran = port.link.as_ref().is_some_and(Link::is_running) && ours;
                port.link = Some(link.clone());
                if !ran && link.is_running() {
                    if let Some(hop) = &mut port.next_hop {
                        hop.begin();
                    }
                    self.ask(id);
                }
                self.check(lp, id);
            } else if ours {
                let name = port.name.clone();
                port.link = None;
                self.note(lp, format_args!("{name} is called {} now", link.name));
                self.check(lp, id);
            }
        }
    }

    fn link_gone(&mut self, lp: &mut Loop, index: u32) {
        if index == self.link.index {
            return self.deleted(lp);
        }
        self.fail_pending(lp, |pending| {
            (pending.index == index)
                .then(|| format!("{}: the interface is gone", pending.wanted.slave))
        });
        for id in self.ids() {
            if let Some(port) = self.port(id).filter(|port| port.index() == Some(index)) {
                port.link = None;
                if let Some(hop) = &mut port.next_hop {
                    hop.lost();
                }
                self.check(lp, id);
            }
        }
    }

    /// Somebody deleted the master's interface: there is nothing left to do.
    pub(super) fn deleted(&mut self, lp: &mut Loop) {
        self.failure = Some(format!("{}: the interface was deleted", self.conf.name));
        lp.stop();
    }

    /// A device says that it is down or gone before the kernel told so.
    pub(super) fn interface_stopped(&mut self, lp: &mut Loop, id: SlaveId) {
        let Some(port) = self.port(id) else {
            return;
        };
        if let Some(link) = &mut port.link {
            link.flags = 0;
        }
        let name = port.name.clone();
        self.check(lp, id);
        // Where it was down for a moment only, and the kernel's word of that was lost, no other
        // would come.
        if let Ok(link) = self.netlink.link(&name) {
            self.link_changed(lp, link);
        }
    }

    fn master_changed(&mut self, lp: &mut Loop, link: Link) {
        let before = std::mem::replace(&mut self.link, link);
        let (name, mtu) = (self.conf.name.clone(), self.link.mtu);
        if before.name != self.link.name {
            log::warn!(
                "{name}: the interface is called {} now; commands and files keep the old name",
                self.link.name
            );
        }
        if before.mtu != mtu {
            if let Err(error) = self.master.set_mtu(mtu) {
                log::error!("{name}: {error}");
            }
            self.pool.set_longest(mtu as usize);
            self.note(
                lp,
                format_args!("{name}: its MTU is {mtu}, it was {}", before.mtu),
            );
            for id in self.ids() {
                self.check(lp, id);
            }
        }
        if before.is_up() != self.link.is_up() {
            let up = self.link.is_up();
            self.master.set_open(lp.now(), up);
            self.note(
                lp,
                format_args!("{name}: {}", if up { "up" } else { "down" }),
            );
            if !up {
                for id in self.ids() {
                    self.forget(lp, id);
                }
                self.fail_pending(lp, |pending| {
                    Some(format!("{} went down", pending.wanted.slave))
                });
                self.save(lp);
            }
        }
    }

    fn neighbour(&mut self, lp: &mut Loop, neighbour: &Neighbour, heard: Heard) {
        let now = lp.now();
        self.pending_neighbour(lp, neighbour, heard);
        for id in self.ids() {
            let Some(port) = self.port(id) else {
                continue;
            };
            let (index, runs) = (port.index(), port.runs());
            let Some(hop) = &mut port.next_hop else {
                continue;
            };
            if index != Some(neighbour.index) || hop.address() != neighbour.address {
                continue;
            }
            let ask = hop.heard(now, heard);
            let timer = Token::new(owner::NEXT_HOP, id.0);
            lp.set_timer_to(timer, hop.poll_timeout());
            if ask && runs {
                self.ask(id);
            }
            self.check(lp, id);
        }
    }

    /// Has the kernel find a slave's next hop.
    pub(super) fn ask(&mut self, id: SlaveId) {
        let Some(port) = self.ports.iter().find(|port| port.id == id) else {
            return;
        };
        if let (Some(hop), Some(index)) = (&port.next_hop, port.index())
            && let Err(error) = self.netlink.resolve(index, hop.address())
        {
            log::warn!("{}: {error}", port.name);
        }
    }

    /// A next hop was silent for a while. One whose interface does not run is asked for when it does.
    pub(super) fn ask_again(&mut self, lp: &mut Loop, id: SlaveId) {
        let now = lp.now();
        let Some(port) = self.port(id) else {
            return;
        };
        let runs = port.runs();
        let Some(hop) = &mut port.next_hop else {
            return;
        };
        let ask = hop.handle_timeout(now);
        lp.set_timer_to(Token::new(owner::NEXT_HOP, id.0), hop.poll_timeout());
        if ask && runs {
            self.ask(id);
        }
    }

    fn ids(&self) -> Vec<SlaveId> {
        self.ports.iter().map(|port| port.id).collect()
    }
}

/// What a neighbour's state means for whoever sends to it.
pub(super) fn heard(neighbour: &Neighbour) -> Heard {
    match neighbour.hardware {
        Some(hardware) => Heard::At {
            hardware,
            doubted: neighbour.state == Reachability::Stale,
        },
        None if neighbour.state == Reachability::Failed => Heard::Silent,
        None => Heard::Asked,
    }
}
