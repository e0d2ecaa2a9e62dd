//! Counters. All of them wrap.

macro_rules! counters {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: u32,)*
        }

        impl $name {
            /// The counters with their names.
            pub fn named(&self) -> impl Iterator<Item = (&'static str, u32)> {
                [$((stringify!($field), self.$field),)*].into_iter()
            }

            /// Adds another one's counts.
            pub fn add(&mut self, other: &Self) {
                $(self.$field = self.$field.wrapping_add(other.$field);)*
            }
        }
    };
}

counters! {
    /// What a tunnel counts.
    Stats {
        /// Control messages with a body received, in their order.
        received,
        /// Acknowledgements without a body received.
        acks_received,
        /// Control messages sent for the first time.
        sent,
        /// Control messages sent again.
        resent,
        /// Acknowledgements without a body sent.
        acks_sent,
        /// Messages received twice.
        duplicates,
        /// Messages that overtook others, and were kept until those came.
        early,
        /// Messages dropped because they were beyond the window, or there was no room for them.
        beyond_window,
        /// Messages dropped because they acknowledge what was not sent.
        bad_acknowledgement,
        /// Messages dropped because they came from another address than the peer's.
        wrong_source,
        /// Messages dropped because they have no type, or not the AVPs that their type needs.
        malformed,
        /// Messages of an unknown type that need not be known.
        unknown_message,
        /// AVPs passed over: unknown or wrong, and not mandatory.
        ignored_avp,
        /// Messages that ended a tunnel or a call: a mandatory AVP was unknown or wrong.
        bad_avp,
        /// Messages that do not belong in the state of the tunnel or call.
        out_of_state,
        /// Messages about calls that are not there, or not any more.
        unknown_call,
        /// Requests for calls put off because the peer does not acknowledge the answers to others.
        put_off,
        /// Requests for calls refused for want of a number.
        refused_calls,
        /// Proofs of identity that were wrong or missing.
        bad_proof,
    }
}

counters! {
    /// What the table of tunnels counts.
    TableStats {
        /// Datagrams dropped because they are no control message.
        malformed,
        /// Messages dropped because there is no such tunnel.
        unknown_tunnel,
        /// Messages without a tunnel dropped because they do not ask for one.
        not_a_request,
        /// Requests for a tunnel dropped because they do not say the peer's number of it.
        bad_request,
        /// Requests for a tunnel refused: there are too many, we are about to stop, or their
        /// version of the protocol is not ours.
        refused,
        /// Those of them that were refused because there are as many tunnels as there may be.
        tunnel_overflow,
        /// Refusals that were not sent because too many waited.
        unsent_refusals,
        /// Requests for a tunnel dropped because our own request comes first.
        tie_breaker,
        /// Tunnels forgotten because too many were not completed.
        half_open_forgotten,
    }
}

/// One more.
pub(super) const fn count(counter: &mut u32) {
    *counter = counter.wrapping_add(1);
}
