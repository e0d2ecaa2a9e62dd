//! What goes with a change, as the original configurator had it.

use super::draft::Draft;
use super::place::Place;

/// Sets what belongs to the value that a place was just given, where the file does not say
/// otherwise.
pub fn after(draft: &mut Draft, place: &Place) {
    let Place::Channel(interface, key) = place else {
        return;
    };
    let other = |name: &str| Place::Channel(interface.clone(), name.to_owned());
    let value = draft.get(place);
    match key.as_str() {
        // Bc and Be are of a committed rate.
        "CIR" if value.is_none() => {
            for name in ["BC", "BE"] {
                // Keys can always be taken away.
                let _ = draft.unset(&other(name));
            }
        }
        // Who asks also answers.
        "INARP" => {
            let asks = value.is_some_and(|v| wanbox_grammar::value::yes_no(&v) == Ok(true));
            if asks && draft.get(&other("INARP_RX")).is_none() {
                // YES is a value it can have.
                let _ = draft.set(&other("INARP_RX"), "YES");
            }
        }
        _ => {}
    }
}
