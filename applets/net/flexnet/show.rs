//! What people see.

use wanbox_wire::ax25::Call;

use crate::flexnet::FlexNet;
use crate::table::View;

/// What the state of the connection to a station is called.
pub type States<'s> = &'s dyn Fn(Call) -> &'static str;

/// A call sign with a range of SSIDs.
#[must_use]
pub fn range(call: Call, max_ssid: u8) -> String {
    if call.ssid() == max_ssid {
        return call.to_string();
    }
    format!("{}-{}-{max_ssid}", call.with_ssid(0), call.ssid())
}

impl View {
    /// Its call sign with the range of SSIDs.
    #[must_use]
    pub fn name(&self) -> String {
        range(self.call, self.max_ssid)
    }
}

impl FlexNet {
    /// Destinations, and the neighbours that reach them, the best first; `None` if one was asked for that is unknown.
    #[must_use]
    pub fn destination_list(&self, only: Option<Call>) -> Option<String> {
        self.list(only, &|view| {
            let mut neighbours = view.neighbours.clone();
            neighbours.retain(|neighbour| neighbour.delay > 0);
            neighbours.sort_by_key(|neighbour| neighbour.delay);
            let words = neighbours.iter();
            words
                .map(|n| format!("  {} ({})", n.call, n.delay))
                .collect()
        })
    }

    /// Destinations with what every neighbour said and was told.
    #[must_use]
    pub fn destination_debug_list(&self) -> String {
        let list = self.list(None, &|view| {
            let words = view.neighbours.iter();
            words
                .map(|n| format!("  {} (D={} L={})", n.call, n.delay, n.told))
                .collect()
        });
        list.unwrap_or_default()
    }

    fn list(&self, only: Option<Call>, neighbours: &dyn Fn(&View) -> String) -> Option<String> {
        let views = self.destinations(only);
        if only.is_some() && views.is_empty() {
            return None;
        }
        let mut text = "Call          Neighbors\n".to_owned();
        for view in views {
            text += &format!("{:<12}{}\n", view.name(), neighbours(&view));
        }
        Some(text)
    }

    /// The neighbours.
    #[must_use]
    pub fn link_list(&self, states: States<'_>) -> String {
        let mut text = "Call         Remote  Local Smooth P T State\n".to_owned();
        for peer in self.peers() {
            text += &format!(
                "{:<12} {:6} {:6} {:6} {} {} {}\n",
                range(peer.call, peer.max_ssid),
                peer.remote,
                peer.local,
                peer.smoothed(),
                if peer.permanent { 'P' } else { ' ' },
                if peer.has_token { 'Y' } else { 'N' },
                states(peer.call)
            );
        }
        text
    }
}
