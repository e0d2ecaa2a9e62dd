//! Sequenced-packet Unix sockets: the software cable.
