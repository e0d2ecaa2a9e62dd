//! What both `wanrouter` and `wanconfig` do to one interface of a device.

use std::fmt;
use std::path::Path;

use crate::control::Request;
use crate::daemons::{self, Unanswered};
use crate::launch::{self, Launch, Launcher};
use crate::plan::Plan;

/// Why an interface was not added.
#[derive(Debug)]
pub enum NotAdded {
    /// It is there already.
    AlreadyUp,
    /// The reason.
    Failed(String),
}

impl fmt::Display for NotAdded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyUp => f.write_str("already up"),
            Self::Failed(reason) => f.write_str(reason),
        }
    }
}

/// Adds an interface of the plan to its device; a device that does not run is started with this
/// interface alone.
pub fn add(run_dir: &Path, launcher: &Launcher, plan: &Plan, name: &str) -> Result<(), NotAdded> {
    let failed = |error: Unanswered| NotAdded::Failed(error.to_string());
    let Some(interface) = plan.interface(name) else {
        return Err(NotAdded::Failed(plan.lacks(name)));
    };
    match daemons::status(run_dir, plan.device()) {
        Ok(state) if state.interfaces.iter().any(|i| i.name == name) => Err(NotAdded::AlreadyUp),
        Ok(_) => {
            let interface = Box::new(interface.clone());
            daemons::order(run_dir, plan.device(), &Request::AddInterface { interface })
                .map(|_| ())
                .map_err(failed)
        }
        Err(Unanswered::Absent { .. }) => {
            start(launcher, plan, Some(name)).map_err(NotAdded::Failed)
        }
        Err(error) => Err(failed(error)),
    }
}

/// Starts the device of the plan with one of its interfaces, or with none.
pub fn start(launcher: &Launcher, plan: &Plan, only: Option<&str>) -> Result<(), String> {
    let launch = Launch {
        device: plan.device().to_owned(),
        source: plan.only(only),
    };
    let mut result = Err("not started".to_owned());
    launcher.start(&[launch], launch::PATIENCE, |_, outcome| result = outcome);
    result
}

/// Takes an interface away. The last one takes its device with it, as ROUTER_IFDEL did.
/// Returns whether that was so.
pub fn remove(run_dir: &Path, device: &str, name: &str) -> Result<bool, Unanswered> {
    let state = daemons::status(run_dir, device)?;
    let last = state
        .interfaces
        .iter()
        .all(|interface| interface.name == name);
    if last && !state.interfaces.is_empty() {
        daemons::stop(run_dir, device)?;
        return Ok(true);
    }
    let request = Request::RemoveInterface {
        name: name.to_owned(),
    };
    daemons::order(run_dir, device, &request).map(|_| false)
}

/// Takes an interface away and adds it again as the plan has it now. The others, and a device of
/// which it is the only one, are not disturbed.
pub fn renew(run_dir: &Path, launcher: &Launcher, plan: &Plan, name: &str) -> Result<(), String> {
    if plan.interface(name).is_none() {
        return Err(plan.lacks(name));
    }
    let running = match daemons::status(run_dir, plan.device()) {
        Ok(state) => state
            .interfaces
            .iter()
            .any(|interface| interface.name == name),
        Err(Unanswered::Absent { .. }) => false,
        Err(error) => return Err(error.to_string()),
    };
    if running {
        let request = Request::RemoveInterface {
            name: name.to_owned(),
        };
        daemons::order(run_dir, plan.device(), &request).map_err(|error| error.to_string())?;
    }
    add(run_dir, launcher, plan, name).map_err(|error| error.to_string())
}
