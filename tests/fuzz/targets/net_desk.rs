#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_net_desk::fuzz::fuzz_desk(
    std::time::Instant::now(),
    octets
));
