// Ends a script that takes too long; each says `bounded.by(seconds)` first.

exports.CLIENT_S_MAX = 50; // less than the test that runs the script waits for it
exports.SERVER_S_MAX = 300; // a server is stopped by its test; this is for a test that was itself killed

exports.by = (seconds) => {
  const end = () => {
    console.error(`not done after ${seconds} s`);
    process.exit(1);
  };
  setTimeout(end, seconds * 1000).unref();
};
