//! A bounded queue paced to a bit rate, with optional loss and delay: the software line.
