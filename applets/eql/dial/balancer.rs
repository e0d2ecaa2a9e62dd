//! The load balancers whose slaves the lines are.

use wanbox_runtime::files::Root;

use super::config::Slave;
use crate::control::{Rate, SlaveState};
use crate::master::{Master, Wanted};

/// The masters of this machine: devices of the kernel's driver, and those of eqlds.
pub struct Balancer {
    root: Root,
}

impl Balancer {
    /// Those whose sockets are below this prefix.
    pub fn new(root: Root) -> Self {
        Self { root }
    }

    /// Makes an interface a slave. One that is its slave already stays so, at this rate.
    ///
    /// # Errors
    /// Why not, for people.
    pub fn enslave(&mut self, slave: &Slave, interface: &str, rate: Rate) -> Result<(), String> {
        let wanted = Wanted {
            slave: interface.to_owned(),
            rate,
            sticky: slave.sticky,
            next_hop: slave.next_hop,
        };
        let enslave = |mut master: Master| match rate_of(&mut master, interface) {
            Some(known) if known == rate => Ok(()),
            Some(_) => master.set_rate(interface, rate),
            None => master.enslave(&wanted),
        };
        let done = Master::find(&self.root, &slave.master).and_then(enslave);
        done.map_err(|failure| failure.text)
    }

    /// Releases it.
    ///
    /// # Errors
    /// Why not, for people.
    pub fn release(&mut self, master: &str, interface: &str) -> Result<(), String> {
        Master::find(&self.root, master)
            .and_then(|mut master| master.emancipate(interface))
            .map_err(|failure| failure.text)
    }

    /// Whether a master has an interface.
    pub fn has(&mut self, master: &str, interface: &str) -> bool {
        Master::find(&self.root, master)
            .is_ok_and(|mut master| rate_of(&mut master, interface).is_some())
    }
}

/// The rate at which a master has an interface, if it has it.
fn rate_of(master: &mut Master, interface: &str) -> Option<Rate> {
    let status = master.status().ok()?;
    let mut slaves = status.slaves.into_iter();
    slaves
        .find(|slave| slave.name == interface && slave.state != SlaveState::Buried)
        .map(|slave| slave.rate)
}
