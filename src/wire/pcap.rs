//! The pcap savefile format.
