//! The getopt habits of the originals, rewritten into what argh reads.
