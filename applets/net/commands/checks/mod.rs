//! Commands as people type them: what they print, and what they do.

mod axip;
mod flexnet;
mod interfaces;
mod lines;
mod netrom;
mod protocols;
mod radio;
mod sessions;
mod tables;

use std::time::Duration;

use wanbox_sim::Clock;

use crate::fake::Rig;

/// A station at its start, with lines run.
pub(super) fn rig(lines: &[&str]) -> Rig {
    let mut rig = Rig::new(Clock::new().now());
    for line in lines {
        let done = rig.run(line);
        assert!(done.is_ok(), "{line}: {done:?}");
    }
    rig
}

/// What lines print.
pub(super) fn says(rig: &mut Rig, lines: &[(&str, &str)]) {
    for (line, expected) in lines {
        assert_eq!(rig.say(line), *expected, "{line}");
    }
}

/// The JSON of a list.
pub(super) fn json(rig: &mut Rig, line: &str) -> serde_json::Value {
    rig.output = crate::Output {
        wants_json: true,
        ..Default::default()
    };
    let done = rig.run(line);
    assert!(done.is_ok(), "{line}: {done:?}");
    assert_eq!(rig.output.text, "", "{line}");
    rig.output.json.take().expect(line)
}
