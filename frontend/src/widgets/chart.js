// A table with data-chart becomes stacked bars; the table stays behind a disclosure.
// ECharts draws on a canvas, its tooltip too (renderMode richText): nothing for the
// content security policy to refuse.
import { BarChart } from 'echarts/charts';
import { AriaComponent, GridComponent, TooltipComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { words } from '../words.js';

echarts.use([AriaComponent, BarChart, CanvasRenderer, GridComponent, TooltipComponent]);

const language = document.documentElement.lang;
const figure = new Intl.NumberFormat(language);

export function mount(table) {
  const data = read(table);
  const title = table.caption?.textContent.trim() ?? '';
  const box = document.createElement('div');
  box.className = 'chart';
  box.setAttribute('role', 'img');
  box.setAttribute('aria-label', title);
  const details = document.createElement('details');
  details.className = 'disclosure chart-table';
  const summary = document.createElement('summary');
  summary.textContent = table.dataset.chart || words.asTable;
  const place = table.closest('.table-wrap') ?? table;
  place.before(box, legend(data.series), details);
  details.append(summary, place);

  const chart = echarts.init(box, null, { renderer: 'canvas' });
  const draw = () => chart.setOption(options(data, box), true);
  draw();
  new ResizeObserver(() => chart.resize()).observe(box);
  document.addEventListener('pochtar:theme', draw);
  document.fonts?.ready.then(draw);
}

function read(table) {
  const heads = [...table.tHead.rows[0].cells].slice(1);
  const rows = [...table.tBodies[0].rows];
  const oldestFirst = table.dataset.order === 'newest' ? rows.reverse() : rows;
  return {
    names: oldestFirst.map((row) => row.cells[0].textContent.trim()),
    series: heads.map((head, index) => ({
      name: head.textContent.trim(),
      colour: head.dataset.colour ?? 'good',
      values: oldestFirst.map((row) => Number(row.cells[index + 1].dataset.value ?? 0)),
    })),
  };
}

function legend(series) {
  const list = document.createElement('ul');
  list.className = 'legend';
  for (const { name, colour, values } of series) {
    const item = document.createElement('li');
    item.className = `is-${colour}`;
    const sum = document.createElement('strong');
    sum.textContent = figure.format(values.reduce((a, b) => a + b, 0));
    item.append(`${name} `, sum);
    list.append(item);
  }
  return list;
}

function options({ names, series }, box) {
  const colour = (name) => resolve(box, `var(--${name})`);
  const ink = colour('ink-soft');
  const fontFamily = getComputedStyle(document.body).fontFamily;
  return {
    animation: !matchMedia('(prefers-reduced-motion: reduce)').matches,
    animationDuration: 300,
    textStyle: { fontFamily },
    grid: { left: 4, right: 4, top: 12, bottom: 4, containLabel: true },
    tooltip: {
      trigger: 'axis',
      renderMode: 'richText',
      confine: true,
      axisPointer: { type: 'shadow', shadowStyle: { color: colour('mute-soft'), opacity: 0.6 } },
      backgroundColor: colour('surface-raised'),
      borderColor: colour('line'),
      textStyle: { color: colour('ink'), fontFamily, fontSize: 13 },
      valueFormatter: (value) => figure.format(value),
    },
    xAxis: {
      type: 'category',
      data: names,
      axisLine: { lineStyle: { color: colour('line') } },
      axisTick: { show: false },
      axisLabel: { color: ink, fontSize: 12, hideOverlap: true },
    },
    yAxis: {
      type: 'value',
      minInterval: 1,
      splitNumber: 4,
      splitLine: { lineStyle: { color: colour('line') } },
      axisLabel: { color: ink, fontSize: 12, formatter: (value) => figure.format(value) },
    },
    series: series.map((one, index) => ({
      type: 'bar',
      name: one.name,
      stack: 'all',
      data: one.values,
      barMaxWidth: 28,
      barCategoryGap: '28%',
      itemStyle: {
        color: colour(`${one.colour}-fill`),
        borderRadius: index === series.length - 1 ? [3, 3, 0, 0] : 0,
      },
    })),
  };
}

// A custom property made with light-dark() says its colour only on an element.
function resolve(box, value) {
  box.style.color = value;
  const found = getComputedStyle(box).color;
  box.style.color = '';
  return found;
}
