//! Values people type: numbers, rates, durations, addresses, lines.
