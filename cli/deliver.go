package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"bangfu/models"
	"bangfu/models/calendar"
)

// delivery is what the command line says of the files to be delivered.
type delivery struct {
	server, token    string
	source, district string
	year             int
}

func deliverCommand() *cobra.Command {
	var d delivery
	c := &cobra.Command{
		Use:   "deliver 文件…",
		Short: "交付部门数据文件（.xlsx、.csv），逐个打印回执",
		Long: "把部门的数据文件逐个交给正在运行的系统，读完、校验并生效后打印回执。有文件被整体退回时，退出状态为 1。\n\n" +
			"令牌取自 --token、环境变量 BANGFU_TOKEN，或数据目录下的 admin.token。",
		Example: "  bangfu deliver registry.csv tax.xlsx --year 2026\n  bangfu deliver 税务导出.xlsx --source tax --year 2026 --district 110107",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, files []string) error {
			if err := d.complete(c.Context(), files); err != nil {
				return err
			}
			failed := 0
			for _, f := range files {
				if err := d.deliver(c, f); err != nil {
					failed++
					_, _ = fmt.Fprintf(c.ErrOrStderr(), "%s：%s\n", filepath.Base(f), line(err))
				}
				if c.Context().Err() != nil {
					return models.Errorf(models.CodeInvalid, "已中断；未打印回执的文件请再交付一次")
				}
			}
			if failed > 0 {
				return models.Errorf(models.CodeInvalid, "%d 个文件中有 %d 个没有交付成功", len(files), failed)
			}
			return nil
		},
	}
	c.Flags().StringVar(&d.source, "source", "", "数据来源：registry、annual_report、credit、tax、social_security、ip、city_tiering、honours；文件以来源命名（如 tax.xlsx）时可省略")
	c.Flags().IntVar(&d.year, "year", calendar.DateOf(time.Now()).Year(), "年度工作所属年")
	c.Flags().StringVar(&d.district, "district", "", "行政区划代码；系统只有一个区时可省略")
	c.Flags().StringVar(&d.server, "server", "", "系统地址（默认取自 BANGFU_PUBLIC_URL 或 BANGFU_ADDR）")
	c.Flags().StringVar(&d.token, "token", "", "令牌；用环境变量 BANGFU_TOKEN 更稳妥")
	return c
}

// complete fills in what the command line left out, and refuses before anything is sent what cannot be delivered.
func (d *delivery) complete(ctx context.Context, files []string) error {
	config, err := loadConfig()
	if err != nil {
		return err
	}
	if d.server == "" {
		d.server = config.PublicURL
	}
	d.server = strings.TrimSuffix(d.server, "/")
	if err := checkURL("--server", d.server); err != nil {
		return err
	}
	if d.token == "" {
		d.token = os.Getenv("BANGFU_TOKEN")
	}
	if d.token == "" {
		if b, err := os.ReadFile(filepath.Join(config.DataDir, "admin.token")); err == nil {
			d.token = strings.TrimSpace(string(b))
		}
	}
	if d.token == "" {
		return models.Invalid("--token", "没有令牌：请用 --token 或环境变量 BANGFU_TOKEN 给出")
	}
	for _, f := range files {
		if _, err := d.sourceOf(f); err != nil {
			return err
		}
		if info, err := os.Stat(f); err != nil || !info.Mode().IsRegular() {
			return models.Invalid(f, "文件不存在或读不了")
		}
	}
	if d.district == "" {
		return d.onlyDistrict(ctx)
	}
	return nil
}

// sourceOf is the source that is named, or after which the file is named.
func (d *delivery) sourceOf(file string) (models.Source, error) {
	if d.source != "" {
		return models.ParseSource(d.source)
	}
	base := filepath.Base(file)
	source, err := models.ParseSource(strings.ToLower(strings.TrimSuffix(base, filepath.Ext(base))))
	if err != nil {
		return 0, models.Invalid("--source", "从文件名“%s”看不出是哪个来源的数据，请用 --source 指明", base)
	}
	return source, nil
}

func (d *delivery) onlyDistrict(ctx context.Context) error {
	var districts struct {
		Items []struct {
			Code string `json:"code"`
		} `json:"items"`
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.server+"/api/v1/districts", nil)
	if err != nil {
		return fmt.Errorf("asking for the districts: %w", err)
	}
	if err := d.call(request, &districts); err != nil {
		return err
	}
	if len(districts.Items) != 1 {
		return models.Invalid("--district", "系统中有 %d 个区，请用 --district 指明行政区划代码", len(districts.Items))
	}
	d.district = districts.Items[0].Code
	return nil
}

// receipt is the answer to a delivery.
type receipt struct {
	ID             string               `json:"id"`
	State          models.DeliveryState `json:"state"`
	Rows           models.Rows          `json:"rows"`
	UnknownColumns []string             `json:"unknown_columns"`
	RejectsURL     string               `json:"rejects_url"`
}

// deliver uploads one file and prints its receipt.
func (d *delivery) deliver(c *cobra.Command, path string) error {
	source, err := d.sourceOf(path)
	if err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return models.Invalid(path, "文件读不了")
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("looking at %s: %w", path, err)
	}

	progress := mpb.NewWithContext(c.Context(), mpb.WithOutput(c.ErrOrStderr()), mpb.WithWidth(48))
	bar := progress.AddBar(info.Size(),
		mpb.PrependDecorators(decor.Name(filepath.Base(path)+" "), decor.CountersKibiByte("% .1f / % .1f")),
		mpb.AppendDecorators(decor.OnAbort(decor.OnComplete(decor.Percentage(), "已上传，正在导入"), "未传完")))
	counted, err := bar.ProxyReader(file)
	if err != nil {
		return fmt.Errorf("counting %s: %w", path, err)
	}
	out, in := io.Pipe()
	form := multipart.NewWriter(in)
	go func() {
		_ = in.CloseWithError(d.write(form, source, filepath.Base(path), counted))
	}()
	request, err := http.NewRequestWithContext(c.Context(), http.MethodPost, d.server+"/api/v1/deliveries", out)
	if err != nil {
		return fmt.Errorf("delivering %s: %w", path, err)
	}
	request.Header.Set("Content-Type", form.FormDataContentType())
	var r receipt
	err = d.call(request, &r)
	_ = out.Close() // a server that answered early reads no more
	bar.Abort(false)
	progress.Wait()
	if err != nil {
		return err
	}
	text := models.Delivery{ID: r.ID, District: d.district, Year: d.year, Source: source, FileName: filepath.Base(path),
		State: r.State, Rows: r.Rows, UnknownColumns: r.UnknownColumns}.Text()
	if r.Rows.Rejected > 0 {
		text += "被拒绝的行：" + d.server + r.RejectsURL + "（改正后可再次交付）\n"
	}
	_, err = fmt.Fprintln(c.OutOrStdout(), text)
	return err
}

// write writes the form: the fields first, so that the server need not keep the file waiting.
func (d *delivery) write(form *multipart.Writer, source models.Source, name string, file io.Reader) error {
	for _, f := range [...][2]string{{"source", source.String()}, {"district", d.district}, {"year", strconv.Itoa(d.year)}} {
		if err := form.WriteField(f[0], f[1]); err != nil {
			return err
		}
	}
	part, err := form.CreateFormFile("file", name)
	if err != nil {
		return err
	}
	if _, err := io.Copy(part, file); err != nil {
		return err
	}
	return form.Close()
}

// call sends a request and reads its answer; a problem document becomes its detail.
func (d *delivery) call(request *http.Request, answer any) error {
	request.Header.Set("Authorization", "Bearer "+d.token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		var u *url.Error
		if request.Context().Err() != nil {
			return models.Errorf(models.CodeInvalid, "已中断")
		}
		if errors.As(err, &u) && u.Op != "" {
			return &models.Error{Code: models.CodeUnavailable, Message: "连不上 " + d.server + "，或传送中断；请确认系统正在运行（bangfu dev）后再试", Cause: u.Err}
		}
		return fmt.Errorf("calling %s: %w", d.server, err)
	}
	defer func() { _ = response.Body.Close() }()
	body := json.NewDecoder(io.LimitReader(response.Body, 1<<20))
	if response.StatusCode >= 300 {
		var problem struct {
			Detail string `json:"detail"`
		}
		if body.Decode(&problem) != nil || problem.Detail == "" {
			problem.Detail = fmt.Sprintf("%s 的应答不是本系统的（%d）", d.server, response.StatusCode)
		}
		return models.Errorf(models.CodeInvalid, "%s", problem.Detail)
	}
	if err := body.Decode(answer); err != nil {
		return fmt.Errorf("reading the answer of %s: %w", d.server, err)
	}
	return nil
}
