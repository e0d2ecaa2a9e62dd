//! What commands ask of the daemon.

use wanbox_eql_engine::{
    Device, Enslave, Framing, Heard, NextHop, Refusal, Search, SlaveId, check_enslave, check_name,
};
use wanbox_runtime::control::{ClientId, Failure};
use wanbox_runtime::daemon;
use wanbox_runtime::event_loop::Loop;
use wanbox_runtime::netlink::{Link, Neighbour};

use super::daemon::{Daemon, Pending};
use super::port::{self, Claim, Port};
use super::saved::Saved;
use super::watch;
use crate::circle;
use crate::control::{self, Rate, Reply, Request, refused};
use crate::kernel::{self, MASTER, SLAVE};
use crate::master::Wanted;

/// Enslavings that may wait for their next hop at one time.
const MAX_PENDING: usize = 16;

impl Daemon {
    pub(super) fn serve_requests(&mut self, lp: &mut Loop) {
        while let Some(request) = self.control.poll_request() {
            let client = request.client;
            // Whoever asks expects us to know what was done to interfaces before.
            self.interfaces_changed(lp);
            let answer = request
                .parse::<Request>()
                .and_then(|asked| self.serve(lp, client, asked));
            match answer {
                Ok(Some(reply)) => self.control.reply(lp, client, &reply),
                // It is answered when the next hop has.
                Ok(None) => {}
                Err(failure) => self.control.fail(lp, client, failure),
            }
        }
    }

    fn serve(
        &mut self,
        lp: &mut Loop,
        client: ClientId,
        request: Request,
    ) -> Result<Option<Reply>, Failure> {
        match request {
            Request::Enslave {
                slave,
                rate,
                sticky,
                next_hop,
            } => {
                let wanted = Wanted {
                    slave,
                    rate,
                    sticky,
                    next_hop,
                };
                let Some(index) = self.enslave(lp, &wanted)? else {
                    return Ok(Some(Reply::Done));
                };
                if self.pending.len() >= MAX_PENDING {
                    return Err(Failure::new("too many next hops are asked for: try again"));
                }
                self.pending.push(Pending {
                    client,
                    wanted,
                    index,
                    search: Search::new(lp.now()),
                });
                return Ok(None);
            }
            Request::Emancipate { slave } => {
                let id = self.master.emancipate(lp.now(), &slave).map_err(refused)?;
                self.note(lp, format_args!("{slave}: emancipated"));
                self.forget(lp, id);
                self.save(lp);
            }
            Request::SetSlave { slave, rate } => {
                self.master
                    .set_rate(lp.now(), &slave, rate.into())
                    .map_err(refused)?;
                self.fit_queue(lp);
                self.note(lp, format_args!("{slave}: its rate is {}", RateText(rate)));
                self.save(lp);
            }
            Request::SetMaster { max_slaves } => {
                self.master.set_max_slaves(max_slaves).map_err(refused)?;
                self.note(lp, format_args!("takes up to {max_slaves} slaves"));
                self.save(lp);
            }
            Request::Status => return Ok(Some(Reply::Status(Box::new(self.status(lp))))),
        }
        Ok(Some(Reply::Done))
    }

    /// Enslaves an interface, after the HOWTO's checks. If its next hop has to be found first, the
    /// kernel was asked: the interface's number.
    pub(super) fn enslave(
        &mut self,
        lp: &mut Loop,
        wanted: &Wanted,
    ) -> Result<Option<u32>, Failure> {
        let name = &wanted.slave;
        check_name(name).map_err(refused)?;
        wanbox_eql_engine::Rate::from(wanted.rate)
            .check()
            .map_err(refused)?;
        if *name == self.conf.name {
            return Err(refused(Refusal::Itself(name.clone())));
        }
        let links = self.netlink.links().map_err(failed)?;
        let Some(link) = links.iter().find(|link| link.name == *name) else {
            return Err(refused(Refusal::NoSuchDevice(name.clone())));
        };
        self.check_device(link, &links, wanted)?;
        circle::check(&links, &self.link, link, |end| {
            self.netlink.way_to(end).ok().flatten()
        })?;
        port::check_next_hop(link, wanted.next_hop).map_err(Failure::new)?;
        let mut hop = wanted.next_hop.map(NextHop::new);
        if let Some(hop) = &mut hop {
            let known = self.netlink.neighbours().map_err(failed)?;
            let known = known
                .iter()
                .find(|n| n.index == link.index && n.address == hop.address());
            // That it was silent once means nothing: it is asked for now.
            if let Some(heard @ Heard::At { .. }) = known.map(watch::heard) {
                hop.heard(lp.now(), heard);
            }
            if hop.used() || hop.hardware().is_none() {
                match self.netlink.resolve(link.index, hop.address()) {
                    Ok(()) => {}
                    Err(_) if wanted.sticky => {}
                    Err(error) => return Err(failed(error)),
                }
            }
            if hop.hardware().is_none() && !wanted.sticky {
                return Ok(Some(link.index));
            }
        }
        self.take(lp, wanted, Some(link.clone()), hop)?;
        Ok(None)
    }

    /// The rules that need only the interface.
    fn check_device(&self, link: &Link, links: &[Link], wanted: &Wanted) -> Result<(), Failure> {
        let is_eqld = daemon::running(&control::pid_file(&self.run_dir, &link.name));
        let device = Device {
            name: &link.name,
            up: link.is_up() && link.is_running(),
            mtu: link.mtu,
            master: link.flags & MASTER != 0 || matches!(is_eqld, Ok(Some(_))),
            slave: link.flags & SLAVE != 0,
        };
        let master = Device {
            name: &self.conf.name,
            up: self.link.is_up(),
            mtu: self.link.mtu,
            master: true,
            slave: false,
        };
        check_enslave(&master, &device, wanted.rate.into(), wanted.sticky)
            .map_err(|refusal| refused(kernel::with_master(refusal, links, link)))
    }

    /// Takes a slave that has passed the checks, or waits for one that is not there.
    fn take(
        &mut self,
        lp: &mut Loop,
        wanted: &Wanted,
        link: Option<Link>,
        hop: Option<NextHop>,
    ) -> Result<(), Failure> {
        let name = &wanted.slave;
        // One that waits is replaced, and gives its lock up for that.
        let old = self.ports.iter().position(|port| port.name == *name);
        let runs = link
            .as_ref()
            .is_some_and(|link| link.is_up() && link.is_running());
        let up = runs && hop.as_ref().is_none_or(|hop| hop.hardware().is_some());
        let held = old.and_then(|place| self.ports.get_mut(place)?.lock.take());
        let lock = match held {
            Some(lock) => lock,
            None => match port::claim(&self.run_dir, name, &self.conf.name) {
                Ok(lock) => lock,
                Err(Claim::Taken(owner)) => {
                    return Err(refused(Refusal::AlreadyEnslaved {
                        slave: name.clone(),
                        master: Some(owner).filter(|owner| !owner.is_empty()),
                    }));
                }
                Err(Claim::Failed(text)) => return Err(Failure::new(text)),
            },
        };
        let device = Device {
            name,
            up,
            mtu: link.as_ref().map_or(self.link.mtu, |link| link.mtu),
            master: false,
            slave: false,
        };
        let by_kind = || link.as_ref().map_or(Framing::HDLC, port::framing_of);
        let how = Enslave {
            rate: wanted.rate.into(),
            framing: self.conf.framing.unwrap_or_else(by_kind),
            sticky: wanted.sticky,
        };
        let id = match self.master.enslave(lp.now(), &device, how) {
            Ok(id) => id,
            Err(refusal) => {
                match old.and_then(|place| self.ports.get_mut(place)) {
                    Some(port) => port.lock = Some(lock),
                    None => lock.remove(),
                }
                return Err(refused(refusal));
            }
        };
        if let Some(old) = old
            .and_then(|place| self.ports.get(place))
            .map(|port| port.id)
        {
            self.forget(lp, old);
        }
        let port = Port::new(id, link, name.clone(), hop, lock);
        self.ports.push(port);
        self.note(
            lp,
            format_args!(
                "{name}: enslaved, {}{}{}",
                RateText(wanted.rate),
                if wanted.sticky { ", sticky" } else { "" },
                if up { "" } else { ", waiting for it" },
            ),
        );
        if up {
            self.start(lp, id);
        }
        self.save(lp);
        Ok(())
    }

    /// A neighbour answers or is silent: enslavings that wait for it are done, or it is asked once
    /// more, or they are refused.
    pub(super) fn pending_neighbour(&mut self, lp: &mut Loop, neighbour: &Neighbour, heard: Heard) {
        let is_it = |pending: &Pending| {
            pending.index == neighbour.index && pending.wanted.next_hop == Some(neighbour.address)
        };
        match heard {
            Heard::Silent | Heard::Forgotten => return self.search_on(lp, is_it),
            Heard::Asked => return,
            Heard::At { .. } => {}
        }
        let mut place = 0;
        while let Some(pending) = self.pending.get(place) {
            if !is_it(pending) {
                place += 1;
                continue;
            }
            let pending = self.pending.remove(place);
            if !self.control.is_connected(pending.client) {
                // Whoever asked did not wait, and takes it for refused.
                continue;
            }
            // Everything is checked anew: what was right may not be so any more.
            match self.enslave(lp, &pending.wanted) {
                Ok(None) => self.control.reply(lp, pending.client, &Reply::Done),
                Ok(Some(_)) => {
                    let text = format!("{}: its next hop is silent again", pending.wanted.slave);
                    self.control.fail(lp, pending.client, Failure::new(text));
                }
                Err(failure) => self.control.fail(lp, pending.client, failure),
            }
        }
    }

    /// Some enslavings' next hops were not found: they are asked for once more, or refused.
    pub(super) fn search_on(&mut self, lp: &mut Loop, is_it: impl Fn(&Pending) -> bool) {
        let now = lp.now();
        for pending in self.pending.iter().filter(|pending| is_it(pending)) {
            if pending.search.goes_on(now)
                && let Some(hop) = pending.wanted.next_hop
            {
                log::debug!("{}: {hop} is asked for again", pending.wanted.slave);
                if let Err(error) = self.netlink.resolve(pending.index, hop) {
                    log::warn!("{}: {error}", pending.wanted.slave);
                }
            }
        }
        self.fail_pending(lp, |pending| {
            let hop = pending.wanted.next_hop?;
            (is_it(pending) && !pending.search.goes_on(now)).then(|| {
                format!(
                    "{}: {hop} does not answer: is it the address of the next router?",
                    pending.wanted.slave
                )
            })
        });
    }

    /// Refuses the enslavings for which `why` says why.
    pub(super) fn fail_pending(&mut self, lp: &mut Loop, why: impl Fn(&Pending) -> Option<String>) {
        let mut place = 0;
        while let Some(pending) = self.pending.get(place) {
            match why(pending) {
                Some(text) => {
                    let pending = self.pending.remove(place);
                    self.control.fail(lp, pending.client, Failure::new(text));
                }
                None => place += 1,
            }
        }
    }

    /// Takes the slaves of a daemon that was killed, the oldest first.
    pub(super) fn resume(&mut self, lp: &mut Loop, saved: Saved) {
        if let Err(error) = self.master.set_max_slaves(saved.max_slaves) {
            log::warn!("{error}");
        }
        for wanted in saved.slaves {
            let taken = match self.enslave(lp, &wanted) {
                // It may come back as well as one that went since.
                Err(Failure { code: 3, .. }) if wanted.sticky => {
                    let hop = wanted.next_hop.map(NextHop::new);
                    self.take(lp, &wanted, None, hop).map(|()| None)
                }
                taken => taken,
            };
            match taken {
                Ok(None) => {}
                Ok(Some(_)) => log::warn!("{}: its next hop is not known: not taken", wanted.slave),
                Err(failure) => log::warn!("not taken over: {failure}"),
            }
        }
    }

    /// Keeps what a daemon that takes over has to know.
    pub(super) fn save(&self, lp: &Loop) {
        let mut slaves: Vec<(SlaveId, Wanted)> = Vec::new();
        for port in &self.ports {
            let known = self.master.slaves(lp.now()).find(|s| s.id == port.id);
            if let Some(slave) = known {
                slaves.push((
                    port.id,
                    Wanted {
                        slave: port.name.clone(),
                        rate: slave.rate.into(),
                        sticky: slave.sticky,
                        next_hop: port.next_hop.as_ref().map(NextHop::address),
                    },
                ));
            }
        }
        slaves.sort_by_key(|(id, _)| *id);
        let saved = Saved {
            max_slaves: self.master.config().max_slaves,
            slaves: slaves.into_iter().map(|(_, wanted)| wanted).collect(),
        };
        if let Err(error) = saved.store(&self.run_dir, &self.conf.name) {
            log::error!("{error}");
        }
    }
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}

/// A rate for people.
struct RateText(Rate);

impl std::fmt::Display for RateText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Rate::Fixed(bps) => write!(f, "{bps} bit/s"),
            Rate::Auto => f.write_str("its rate is measured"),
        }
    }
}
