// One episode of a MiniWoB++ page, as the package itself runs it: its seed and its data are set, then it is
// started. The window's title says where it stands, which is how deskswarm learns of the page's own reward.
(function () {
  var name = location.pathname.split("/").pop().replace(/\.html$/, "");
  var asked = new URLSearchParams(location.search);
  var over = false;
  var end = core.endEpisode;

  function tell(what) {
    document.title = "MiniWoB " + name + ": " + what;
  }

  // After an episode a page offers the next one; only the first counts.
  core.endEpisode = function () {
    var running = core.EP_TIMER !== null;
    end.apply(core, arguments);
    if (running && !over) {
      over = true;
      tell("reward " + WOB_REWARD_GLOBAL + ", raw " + WOB_RAW_REWARD_GLOBAL);
    }
  };

  function whenReady() {
    if (WOB_TASK_READY) {
      core.hideDisplay(); // its clock is no part of the task
      tell("ready");
    } else {
      setTimeout(whenReady, 50);
    }
  }

  window.addEventListener("load", function () {
    core.EPISODE_MAX_TIME = 1000 * Number(asked.get("seconds"));
    Math.seedrandom(Number(asked.get("seed")));
    core.setDataMode("train");
    core.startEpisodeReal();
    whenReady();
  });
})();
