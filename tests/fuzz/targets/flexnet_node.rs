#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_net_flexnet::fuzz_flexnet_node(
    std::time::Instant::now(),
    octets
));
