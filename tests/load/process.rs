//! What a process takes of the machine.

use std::time::Duration;

/// The kernel counts time in hundredths of a second for us (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// Time used since the process, and the machine, were started.
pub struct Usage {
    /// The process, in user mode and in the kernel.
    process: Duration,
    /// Software interrupts, all processors: the network's work on behalf of nobody.
    interrupts: Duration,
}

impl Usage {
    /// Of a process, when there is one.
    pub fn of(pid: Option<u32>) -> Option<Self> {
        let times = wanbox_rig::times(pid?).ok()?;
        let machine = std::fs::read_to_string("/proc/stat").ok()?;
        // cpu, user, nice, system, idle, iowait, irq, softirq.
        let soft: u32 = machine
            .lines()
            .next()?
            .split_whitespace()
            .nth(7)?
            .parse()
            .ok()?;
        Some(Self {
            process: times.user + times.system,
            interrupts: TICK * soft,
        })
    }

    /// What was used since then.
    pub fn since(&self, before: &Self) -> Duration {
        (self.process + self.interrupts).saturating_sub(before.process + before.interrupts)
    }

    /// Of the process alone.
    pub fn process(&self) -> Duration {
        self.process
    }
}

/// Memory of a process that is in use now, octets.
pub fn resident(pid: Option<u32>) -> Option<u64> {
    wanbox_rig::resident(pid?).ok()
}
