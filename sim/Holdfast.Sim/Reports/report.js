'use strict';
(() => {
  const clock = s => {
    const two = n => String(Math.floor(n)).padStart(2, '0');
    return s >= 86400 ? `${Math.floor(s / 86400)}d ${two(s % 86400 / 3600)}:${two(s % 3600 / 60)}`
      : s >= 3600 ? `${Math.floor(s / 3600)}:${two(s % 3600 / 60)}:${two(s % 60)}`
      : `${Math.floor(s / 60)}:${two(s % 60)}`;
  };
  for (const box of document.querySelectorAll('input[data-line]')) {
    box.addEventListener('change', () => {
      for (const line of document.querySelectorAll(`.plot .${box.dataset.line}`))
        line.style.display = box.checked ? '' : 'none';
    });
  }
  for (const plot of document.querySelectorAll('.plot')) {
    const cursor = plot.querySelector('.cursor');
    const readout = plot.parentElement.querySelector('.readout');
    const lines = [...plot.querySelectorAll('path[data-label]')];
    const { low, high } = plot.dataset;
    const read = y => {
      const share = 1 - y / 200;
      const value = 'log' in plot.dataset ? low * (high / low) ** share : high * share;
      return value >= 100 ? value.toFixed(0) : +value.toPrecision(3);
    };
    // x and y of each point, as they were drawn.
    const points = line => line.points ??= [...line.getAttribute('d').matchAll(/([\d.]+) ([\d.]+)/g)]
      .map(m => [+m[1], +m[2]]);
    const valueAt = (line, share) => {
      let best = null;
      for (const [x, y] of points(line)) {
        if (Math.abs(x - 1000 * share) < 20 && (!best || Math.abs(x - 1000 * share) < Math.abs(best[0] - 1000 * share)))
          best = [x, y];
      }
      return best ? read(best[1]) : '–';
    };
    let at = 0.5;
    const show = share => {
      at = Math.min(1, Math.max(0, share));
      cursor.hidden = false;
      cursor.style.left = 100 * at + '%';
      const said = lines.filter(l => l.style.display !== 'none')
        .map(line => `${line.dataset.label} ${valueAt(line, at)}`);
      readout.textContent = `${clock(at * plot.dataset.end)}: ${said.reverse().join(', ')}`;
    };
    const hide = () => { cursor.hidden = true; readout.textContent = ''; };
    const move = e => {
      const box = plot.getBoundingClientRect();
      show((e.clientX - box.left) / box.width);
    };
    plot.addEventListener('pointermove', move);
    plot.addEventListener('pointerdown', move);
    plot.addEventListener('pointerleave', hide);
    plot.addEventListener('focus', () => { if (plot.matches(':focus-visible')) show(at); });
    plot.addEventListener('blur', hide);
    plot.addEventListener('keydown', e => {
      const step = e.shiftKey ? 0.1 : 0.01;
      const to = { ArrowLeft: at - step, ArrowRight: at + step, Home: 0, End: 1 }[e.key];
      if (to === undefined)
        return;
      e.preventDefault();
      show(to);
    });
  }
  const open = () => {
    const target = location.hash && document.querySelector(location.hash);
    if (target?.matches('details'))
      target.open = true;
  };
  addEventListener('hashchange', open);
  open();
})();
