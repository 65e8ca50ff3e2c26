//! The tests that cross crates, one file for each subject, as one program: linking Burn and wgpu into
//! a program for each file takes minutes.

automod::dir!("tests/suite");
