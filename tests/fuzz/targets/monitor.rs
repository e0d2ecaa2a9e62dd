#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_wanrouter::fuzz_monitor(
    std::time::Instant::now(),
    octets
));
